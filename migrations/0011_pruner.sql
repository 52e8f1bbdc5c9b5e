-- Who attaches a partition makes its triggers, and takes the right to call what they call.
grant execute on function storage_audit_append_only to catalog_pruner;
