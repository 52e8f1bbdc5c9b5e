-- The values of a bucket are added by one transaction at a time: another would see neither a value that is being added
-- nor that the last place is being taken. The totals are locked before, as in add_to_counters, so that the two locks
-- cannot deadlock. Each statement sees what was committed before it, and so what the lock waited for.
create or replace function catalog.with_counted_values(deltas catalog.counter_delta[])
returns catalog.counter_delta[]
language plpgsql
as $$
declare
  most constant int := 1000;
  result catalog.counter_delta[];
begin
  if exists (
    select
    from (select distinct d.bucket, d.dimension from unnest(deltas) as d) as d
    where d.dimension in ('backend', 'class', 'type') and (
      select count(*) from catalog.storage_counted_values v where v.bucket = d.bucket and v.dimension = d.dimension
    ) < most
  ) then
    insert into catalog.storage_counters as c (bucket, dimension, value)
    select distinct d.bucket, 'total', ''
    from unnest(deltas) as d
    order by 1
    on conflict (bucket, dimension, value, slot) do update
    set objects = c.objects;

    insert into catalog.storage_counted_values (bucket, dimension, value)
    select distinct d.bucket, 'lock', ''
    from unnest(deltas) as d
    order by 1
    on conflict (bucket, dimension, value) do update
    set value = excluded.value;

    insert into catalog.storage_counted_values (bucket, dimension, value)
    select n.bucket, n.dimension, n.value
    from (
      select d.bucket, d.dimension, d.value,
        row_number() over (partition by d.bucket, d.dimension order by d.value) as n
      from (select distinct d.bucket, d.dimension, d.value from unnest(deltas) as d) as d
      where d.dimension in ('backend', 'class', 'type') and not exists (
        select
        from catalog.storage_counted_values v
        where v.bucket = d.bucket and v.dimension = d.dimension and v.value = d.value
      )
    ) as n
    where n.n <= most - (
      select count(*) from catalog.storage_counted_values v where v.bucket = n.bucket and v.dimension = n.dimension
    );
  end if;

  select array_agg((
    d.bucket,
    d.dimension,
    case when d.dimension in ('backend', 'class', 'type') and v.is_counted is null then 'other' else d.value end,
    d.objects,
    d.bytes
  )::catalog.counter_delta)
  into result
  from unnest(deltas) as d
  left join lateral (
    select true as is_counted
    from catalog.storage_counted_values v
    where v.bucket = d.bucket and v.dimension = d.dimension and v.value = d.value
    limit 1
  ) as v on true;
  return result;
end
$$;

comment on function catalog.with_counted_values is
  'Adds new values to storage_counted_values while there is room, and returns the deltas with the rest as other.';

revoke execute on function catalog.with_counted_values from public;
