create or replace function catalog.forget_versions(in_bucket text, names jsonb) returns void
language plpgsql
security definer
set search_path = catalog, pg_temp
-- As apply_observations: both fire triggers, whose plans are kept.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set jit = off
as $$
declare
  headless text[];
begin
  perform catalog.lock_keys(array_agg(in_bucket), array_agg(n.key))
  from jsonb_to_recordset(names) as n (key text);

  headless := array(
    select v.key
    from jsonb_to_recordset(names) as n (key text, version_id text)
    cross join lateral (
      select x.key
      from catalog.storage_versions x
      where x.bucket = in_bucket and x.key = n.key and x.version_id = n.version_id and x.is_latest
        and x.storage_backend <> 's3'
      limit 1
    ) as v
  );

  delete from catalog.storage_versions
  where ctid = any (array(
      select v.ctid
      from jsonb_to_recordset(names) as n (key text, version_id text)
      cross join lateral (
        select x.ctid
        from catalog.storage_versions x
        where x.bucket = in_bucket and x.key = n.key and x.version_id = n.version_id and x.storage_backend <> 's3'
        limit 1
      ) as v
    ));

  update catalog.storage_versions
  set is_latest = true,
    latest_at = clock_timestamp()
  where ctid = any (array(
      select v.ctid
      from unnest(headless) as k (key)
      cross join lateral (
        select x.ctid
        from catalog.storage_versions x
        where x.bucket = in_bucket and x.key = k.key and x.storage_backend <> 's3'
        order by x.last_modified desc, x.created_at desc, x.version_id desc
        limit 1
      ) as v
    ));
end
$$;

comment on function catalog.forget_versions is
  'Removes versions ({key, version_id}) of other backends than S3, as if they had never been recorded: where the '
  'latest is among them, the newest that is left becomes the latest. Versions of S3 stay, but their keys are locked.';

revoke execute on function catalog.forget_versions from public;
grant execute on function catalog.forget_versions to catalog_api;
