create or replace function catalog.count_objects() returns trigger
language plpgsql
as $$
declare
  deltas catalog.counter_delta[] := '{}';
begin
  if tg_op in ('INSERT', 'UPDATE') then
    select deltas || coalesce(array_agg(d), '{}') into deltas
    from (
      select a.bucket, a.storage_backend, a.storage_class, a.content_type,
        to_char(a.created_at at time zone 'utc', 'YYYY-MM-DD') as day, count(*) as objects, sum(a.size) as bytes
      from added a
      group by 1, 2, 3, 4, 5
    ) as g, catalog.object_deltas(
      g.bucket, g.storage_backend, g.storage_class, g.content_type, g.day, g.objects, g.bytes
    ) as d;
  end if;
  if tg_op in ('DELETE', 'UPDATE') then
    select deltas || coalesce(array_agg(d), '{}') into deltas
    from (
      select r.bucket, r.storage_backend, r.storage_class, r.content_type,
        to_char(r.created_at at time zone 'utc', 'YYYY-MM-DD') as day, -count(*) as objects, -sum(r.size) as bytes
      from removed r
      group by 1, 2, 3, 4, 5
    ) as g, catalog.object_deltas(
      g.bucket, g.storage_backend, g.storage_class, g.content_type, g.day, g.objects, g.bytes
    ) as d;
  end if;
  perform catalog.add_to_counters(deltas);
  return null;
end
$$;

comment on function catalog.count_objects is 'Trigger that counts objects into storage_counters.';

revoke execute on function catalog.count_objects from public;

create or replace trigger count_objects_insert after insert on catalog.storage_objects
  referencing new table as added for each statement execute function catalog.count_objects();
create or replace trigger count_objects_update after update on catalog.storage_objects
  referencing old table as removed new table as added for each statement execute function catalog.count_objects();
create or replace trigger count_objects_delete after delete on catalog.storage_objects
  referencing old table as removed for each statement execute function catalog.count_objects();
