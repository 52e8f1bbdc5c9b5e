create or replace function catalog.count_versions() returns trigger
language plpgsql
as $$
declare
  deltas catalog.counter_delta[] := '{}';
begin
  if tg_op in ('INSERT', 'UPDATE') then
    select deltas || coalesce(array_agg((g.bucket, g.dimension, '', g.objects, g.bytes)::catalog.counter_delta), '{}')
    into deltas
    from (
      select a.bucket, dimension, count(*) as objects, coalesce(sum(a.size), 0) as bytes
      from added a, unnest(catalog.version_dimensions(a.is_delete_marker, a.is_latest)) as dimension
      group by 1, 2
    ) as g;
  end if;
  if tg_op in ('DELETE', 'UPDATE') then
    select deltas || coalesce(array_agg((g.bucket, g.dimension, '', g.objects, g.bytes)::catalog.counter_delta), '{}')
    into deltas
    from (
      select r.bucket, dimension, -count(*) as objects, -coalesce(sum(r.size), 0) as bytes
      from removed r, unnest(catalog.version_dimensions(r.is_delete_marker, r.is_latest)) as dimension
      group by 1, 2
    ) as g;
  end if;
  perform catalog.add_to_counters(deltas);
  return null;
end
$$;

comment on function catalog.count_versions is 'Trigger that counts versions and delete markers into storage_counters.';

revoke execute on function catalog.count_versions from public;

create or replace trigger count_versions_insert after insert on catalog.storage_versions
  referencing new table as added for each statement execute function catalog.count_versions();
create or replace trigger count_versions_update after update on catalog.storage_versions
  referencing old table as removed new table as added for each statement execute function catalog.count_versions();
create or replace trigger count_versions_delete after delete on catalog.storage_versions
  referencing old table as removed for each statement execute function catalog.count_versions();
