create or replace function catalog.has_uncounted_value(deltas catalog.counter_delta[]) returns boolean
language plpgsql stable
as $$
begin
  return exists (
    select
    from unnest(deltas) as d
    left join lateral (
      select true as is_counted
      from catalog.storage_counted_values v
      where v.bucket = d.bucket and v.dimension = d.dimension and v.value = d.value
      limit 1
    ) as v on true
    where d.dimension in ('backend', 'class', 'type') and v.is_counted is null
  );
end
$$;

comment on function catalog.has_uncounted_value is
  'Whether a delta is of a backend, class or content type that storage_counted_values does not have.';

revoke execute on function catalog.has_uncounted_value from public;
