create or replace function catalog.add_tombstones(in_bucket text, as_of timestamptz, observed catalog.observation[])
returns void
language plpgsql
as $$
begin
  insert into catalog.storage_tombstones as t (bucket, key, version_id, observed_at)
  select in_bucket, o.key, o.version_id, case when o.version_id = 'null' then as_of else 'infinity' end
  from unnest(observed) as o
  where o.state = 'gone'
  order by o.key, o.version_id
  on conflict (bucket, key, version_id) do update
  set observed_at = greatest(t.observed_at, excluded.observed_at),
    created_at = now();
end
$$;

comment on function catalog.add_tombstones is
  'Remembers the observed versions that are gone: for ever, or as of the time of the observation where the id may be '
  'used again.';

revoke execute on function catalog.add_tombstones from public;
