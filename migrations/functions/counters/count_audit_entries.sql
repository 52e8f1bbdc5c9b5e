-- Acts as the owner of the schema, so that those who add audit entries need not write the counts.
create or replace function catalog.count_audit_entries() returns trigger
language plpgsql
security definer
set search_path = catalog, pg_temp
as $$
begin
  -- Ordered by bucket first, as transactions over several buckets write them.
  insert into catalog.storage_audit_hours as h (hour, bucket, entries)
  select date_trunc('hour', a.occurred_at, 'UTC') as hour, coalesce(a.bucket, '') as bucket, count(*)
  from added a
  group by 1, 2
  order by coalesce(a.bucket, '') collate "C", 1
  on conflict (hour, bucket, slot) do update
  set entries = h.entries + excluded.entries;
  return null;
end
$$;

comment on function catalog.count_audit_entries is
  'Trigger that counts audit entries by hour into storage_audit_hours.';

revoke execute on function catalog.count_audit_entries from public;

create or replace trigger count_audit_entries after insert on catalog.storage_audit
  referencing new table as added for each statement execute function catalog.count_audit_entries();
