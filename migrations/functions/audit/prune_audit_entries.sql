-- Acts as the pruner, the only role that may delete entries (refuse_audit_change.sql).
create or replace function catalog.prune_audit_entries(before timestamptz, max_rows integer) returns bigint
language plpgsql
security definer
set search_path = catalog, pg_temp
as $$
declare
  partition regclass;
  removed bigint := 0;
  removed_here bigint;
begin
  -- Partition by partition and by row address: through the parent, each batch would read again what the batches before
  -- left.
  for partition in
    select c.oid::regclass
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'catalog.storage_audit'::regclass
      and not i.inhdetachpending
      and (
        c.relname = 'storage_audit_past'
        or c.relname < 'storage_audit_' || to_char(before at time zone 'utc' + interval '1 month', 'YYYY_MM')
      )
    order by c.relname = 'storage_audit_past' desc, c.relname
  loop
    execute format(
      'delete from %1$s '
        'where ctid = any (array(select ctid from %1$s where occurred_at < $1 limit $2)) and occurred_at < $1',
      partition)
      using before, max_rows - removed;
    get diagnostics removed_here = row_count;
    removed := removed + removed_here;
    exit when removed >= max_rows;
  end loop;
  return removed;
end
$$;

comment on function catalog.prune_audit_entries is
  'Deletes at most max_rows audit entries from before a time, and returns how many.';

revoke execute on function catalog.prune_audit_entries from public;

-- To become the owner of a function a role needs the right to create in the schema: the pruner has it for this moment
-- only.
grant create on schema catalog to catalog_pruner;
alter function catalog.prune_audit_entries owner to catalog_pruner;
revoke create on schema catalog from catalog_pruner;
