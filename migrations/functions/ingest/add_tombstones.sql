create or replace function catalog.add_tombstones(in_bucket text, as_of timestamptz, observed catalog.observation[])
returns void
language plpgsql
as $$
begin
  insert into catalog.storage_tombstones as t (bucket, key, version_id, observed_at)
  select in_bucket, o.key, o.version_id, as_of
  from unnest(observed) as o
  where o.state = 'gone'
  order by o.key, o.version_id
  on conflict (bucket, key, version_id) do update
  set observed_at = greatest(t.observed_at, excluded.observed_at),
    created_at = now();
end
$$;

comment on function catalog.add_tombstones is
  'Remembers the observed versions that are gone, as of the time of the observation.';

revoke execute on function catalog.add_tombstones from public;
