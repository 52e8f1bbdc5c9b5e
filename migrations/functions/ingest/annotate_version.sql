create or replace function catalog.annotate_version(in_bucket text, in_key text, in_version_id text, changes jsonb)
returns setof catalog.storage_versions
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
begin
  perform catalog.lock_keys(array[in_bucket], array[in_key]);
  -- The object of the version follows by trigger.
  return query
  update catalog.storage_versions v
  set comment = case when changes ? 'comment' then changes ->> 'comment' else v.comment end,
    created_by = case when changes ? 'created_by' then changes ->> 'created_by' else v.created_by end,
    claimed_by = case when changes ? 'created_by' then changes ->> 'claimed_by' else v.claimed_by end,
    tags = coalesce(changes -> 'tags', v.tags)
  where v.bucket = in_bucket and v.key = in_key and v.version_id = in_version_id
  returning v.*;
end
$$;

comment on function catalog.annotate_version is
  'Changes comment, created_by (and claimed_by with it) and tags of a version, those of them that changes names. '
  'Returns the version, or no row.';

revoke execute on function catalog.annotate_version from public;
grant execute on function catalog.annotate_version to catalog_api;
