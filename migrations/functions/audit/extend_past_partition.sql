create or replace function catalog.extend_past_partition(upper_bound timestamptz) returns void
language plpgsql
set lock_timeout = '50ms'
as $$
begin
  -- In one transaction, so that there is always a partition. A reader in the way costs writers 50 ms, then the caller
  -- tries again.
  lock table catalog.storage_audit in access exclusive mode;
  alter table catalog.storage_audit detach partition catalog.storage_audit_past;
  execute format(
    'alter table catalog.storage_audit attach partition catalog.storage_audit_past for values from (minvalue) to (%L)',
    upper_bound);
  execute format('comment on table catalog.storage_audit_past is %L',
    format('Audit entries from minvalue to %s.', upper_bound));
end
$$;

comment on function catalog.extend_past_partition is
  'Raises the upper bound of storage_audit_past. Fails with lock_not_available when the trail is read for longer '
  'than 50 ms.';

revoke execute on function catalog.extend_past_partition from public;
grant execute on function catalog.extend_past_partition to catalog_pruner;
