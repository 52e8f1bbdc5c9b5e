create or replace function catalog.version_changes(decided catalog.latest_decision[], as_of timestamptz)
returns setof catalog.version_change
language sql immutable parallel safe
begin atomic
  select d.key, o.version_id, coalesce(o.version_id = d.latest_id, false), d.is_stated, false, true, o.state = 'marker',
    o.size, o.etag, o.content_type, o.last_modified, coalesce(o.storage_backend, 's3'),
    coalesce(o.storage_class, 'STANDARD'), coalesce(o.metadata, '{}'), coalesce(o.tags, '{}'), o.created_by,
    o.comment, o.sequencer,
    case when o.is_verified then as_of else '-infinity' end
  from unnest(decided) as d, unnest(d.observed) as o
  union all
  -- Versions that were not observed: no longer the latest, or now the latest.
  select d.key, v.id, v.is_latest, d.is_stated, false, false,
    null, null, null, null, null, null, null, null, null, null, null, null, null
  from unnest(decided) as d, lateral (values (d.current_id, false), (d.latest_id, true)) as v (id, is_latest)
  where v.id is not null
    and (v.is_latest or d.latest_id is distinct from v.id)
    and not exists (select from unnest(d.observed) as o where o.version_id = v.id)
  union all
  select d.key, gone_id, false, false, true, false,
    null, null, null, null, null, null, null, null, null, null, null, null, null
  from unnest(decided) as d, unnest(d.gone_ids) as gone_id;
end;

comment on function catalog.version_changes is 'The rows of storage_versions that decisions change.';

revoke execute on function catalog.version_changes from public;
