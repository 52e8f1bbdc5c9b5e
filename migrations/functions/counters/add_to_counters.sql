-- In plpgsql, which keeps its plans: a function in SQL is planned at each call, which cost 0.2 ms of the 1.6 ms of one
-- record, four times.
create or replace function catalog.add_to_counters(deltas catalog.counter_delta[]) returns void
language plpgsql
as $$
begin
  -- An upsert fires the triggers of insert and of update, and usually one of the two has no rows.
  if cardinality(deltas) = 0 then
    return;
  end if;
  if catalog.has_uncounted_value(deltas) then
    deltas := catalog.with_counted_values(deltas);
  end if;
  with delta as (
    select d.bucket, d.dimension, d.value, sum(d.objects) as objects, sum(d.bytes) as bytes
    from unnest(deltas) as d
    group by 1, 2, 3
    having sum(d.objects) <> 0 or sum(d.bytes) <> 0
  )
  insert into catalog.storage_counters as c (bucket, dimension, value, objects, bytes)
  select s.bucket, s.dimension, s.value, sum(s.objects), sum(s.bytes)
  from (
    select * from delta
    union all
    -- The total of a bucket is locked before its other rows, even where it does not change.
    select distinct d.bucket, 'total', '', 0, 0 from delta d
  ) as s
  group by 1, 2, 3
  order by s.bucket collate "C", s.dimension = 'total' desc, s.dimension collate "C", s.value collate "C"
  on conflict (bucket, dimension, value, slot) do update
  set objects = c.objects + excluded.objects,
    bytes = c.bytes + excluded.bytes;
end
$$;

comment on function catalog.add_to_counters is
  'Adds deltas to storage_counters in one order, the total of each bucket first, so that two writers cannot deadlock.';

revoke execute on function catalog.add_to_counters from public;
