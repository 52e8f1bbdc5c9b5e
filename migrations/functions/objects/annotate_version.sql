create or replace function catalog.annotate_version(in_bucket text, in_key text, in_version_id text, changes jsonb) returns setof catalog.storage_versions
language plpgsql
security definer
set search_path = catalog, pg_temp
as $$
begin
  -- The turn of apply_observations: else the version could become the latest between the two updates, and its object keep old tags.
  perform pg_advisory_xact_lock(hashtextextended(in_bucket || '/' || in_key, 0));

  update catalog.storage_versions
  set comment = case when changes ? 'comment' then changes ->> 'comment' else comment end,
    created_by = case when changes ? 'created_by' then changes ->> 'created_by' else created_by end,
    tags = coalesce(changes -> 'tags', tags)
  where bucket = in_bucket and key = in_key and version_id = in_version_id;

  update catalog.storage_objects
  set tags = changes -> 'tags'
  where bucket = in_bucket and key = in_key and version_id = in_version_id and tags <> changes -> 'tags';

  return query
  select * from catalog.storage_versions where bucket = in_bucket and key = in_key and version_id = in_version_id;
end
$$;

comment on function catalog.annotate_version is 'Changes comment, created_by and tags of a version, those that changes names, and the tags of its object. Returns the version, or no row.';

revoke execute on function catalog.annotate_version from public;
grant execute on function catalog.annotate_version to catalog_api;
