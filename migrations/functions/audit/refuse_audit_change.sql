-- Row triggers of a partitioned table fire on its partitions too, so a statement that names a partition is refused as
-- well.
create or replace function catalog.refuse_audit_change() returns trigger
language plpgsql
as $$
begin
  raise exception 'storage_audit is append-only: % is refused', tg_op
    using errcode = 'insufficient_privilege';
end
$$;

comment on function catalog.refuse_audit_change is 'Trigger that refuses to change or remove audit entries.';

-- Whoever attaches a partition creates its triggers, which needs the right to execute their functions.
revoke execute on function catalog.refuse_audit_change from public;
grant execute on function catalog.refuse_audit_change to catalog_pruner;

create or replace trigger refuse_update before update on catalog.storage_audit
  for each row execute function catalog.refuse_audit_change();

-- Only functions/audit/prune_audit_entries.sql deletes single entries. It runs as the pruner; no setting stands in for
-- that.
create or replace trigger refuse_delete before delete on catalog.storage_audit
  for each row when (current_user <> 'catalog_pruner') execute function catalog.refuse_audit_change();

create or replace trigger refuse_truncate before truncate on catalog.storage_audit
  for each statement execute function catalog.refuse_audit_change();
