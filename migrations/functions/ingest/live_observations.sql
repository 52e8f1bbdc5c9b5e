create or replace function catalog.live_observations(in_bucket text, as_of timestamptz, observed catalog.observation[])
returns catalog.observation[]
language plpgsql
as $$
begin
  return array(
    select o
    from unnest(observed) as o
    left join lateral (
      select x.observed_at
      from catalog.storage_tombstones x
      where x.bucket = in_bucket and x.key = o.key and x.version_id = o.version_id
      limit 1
    ) as tombstone on true
    where o.state <> 'gone' and (tombstone.observed_at is null or o.is_verified and tombstone.observed_at < as_of)
  );
end
$$;

comment on function catalog.live_observations is
  'The observations of versions that exist, without those known to be deleted since they were observed. An event alone '
  'does not bring a deleted version back: it may be late.';

revoke execute on function catalog.live_observations from public;
