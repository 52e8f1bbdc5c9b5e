-- One statement moves the flag, so that its triggers see each key with its new latest version.
create or replace function catalog.write_versions(in_bucket text, as_of timestamptz, decided catalog.latest_decision[])
returns void
language plpgsql
as $$
begin
  merge into catalog.storage_versions v
  using (
    select d.key,
      c.version_id,
      not c.is_gone and coalesce(c.version_id = d.latest_id, false) as is_latest,
      d.is_stated,
      c.is_gone,
      (c.observed).key is not null as is_observed,
      (c.observed).state = 'marker' as is_delete_marker,
      (c.observed).size as size,
      (c.observed).etag as etag,
      (c.observed).content_type as content_type,
      (c.observed).last_modified as last_modified,
      coalesce((c.observed).storage_backend, 's3') as storage_backend,
      coalesce((c.observed).storage_class, 'STANDARD') as storage_class,
      coalesce((c.observed).metadata, '{}') as metadata,
      coalesce((c.observed).tags, '{}') as tags,
      (c.observed).created_by as created_by,
      (c.observed).claimed_by as claimed_by,
      (c.observed).comment as comment,
      (c.observed).sequencer as sequencer,
      case when (c.observed).is_verified then as_of else '-infinity' end as observed_at
    from unnest(decided) as d
    cross join lateral (
      select o.version_id, false as is_gone, o as observed
      from unnest(d.observed) as o
      union all
      -- Versions that were not observed: now the latest, or no longer.
      select id, false, null
      from unnest(array[d.latest_id, nullif(d.current_id, d.latest_id)]) as id
      where id is not null and not exists (select from unnest(d.observed) as o where o.version_id = id)
      union all
      select gone_id, true, null
      from unnest(d.gone_ids) as gone_id
    ) as c
    -- One relation, so that the primary key is searched by all of its columns. Pulled up, keys and version ids would
    -- come from two, and a plan made while the table was small searched by version id alone.
    offset 0
  ) as c
  on v.bucket = in_bucket and v.key = c.key and v.version_id = c.version_id
  when matched and c.is_gone and not catalog.is_gone(v.version_id, v.observed_at, array[c.version_id], as_of) then
    do nothing
  when matched and c.is_observed and v.observed_at <= c.observed_at then
    update set is_delete_marker = c.is_delete_marker,
      size = c.size,
      etag = c.etag,
      content_type = c.content_type,
      last_modified = c.last_modified,
      storage_backend = c.storage_backend,
      storage_class = c.storage_class,
      metadata = c.metadata,
      tags = c.tags,
      created_by = case
        when catalog.keeps_author(v.version_id, v.last_modified, v.sequencer, v.claimed_by,
          c.last_modified, c.sequencer, c.claimed_by) then v.created_by
        when c.claimed_by is not null then c.created_by
        else coalesce(c.created_by, v.created_by)
      end,
      claimed_by = case
        when catalog.keeps_author(v.version_id, v.last_modified, v.sequencer, v.claimed_by,
          c.last_modified, c.sequencer, c.claimed_by) then v.claimed_by
        when c.claimed_by is not null or c.created_by is not null then c.claimed_by
        else v.claimed_by
      end,
      comment = coalesce(c.comment, v.comment),
      sequencer = greatest(v.sequencer, c.sequencer),
      observed_at = c.observed_at,
      is_latest = c.is_latest,
      latest_at = catalog.latest_time(v.is_latest, v.latest_at, c.is_latest, c.is_stated, as_of)
  when matched and (v.is_latest <> c.is_latest or (c.is_latest and c.is_stated and v.latest_at < as_of)) then
    update set is_latest = c.is_latest,
      latest_at = catalog.latest_time(v.is_latest, v.latest_at, c.is_latest, c.is_stated, as_of)
  when not matched and c.is_observed then
    insert (
      bucket, key, version_id, is_latest, is_delete_marker, size, etag, content_type, last_modified, storage_backend,
      storage_class, metadata, tags, created_by, claimed_by, comment, sequencer, observed_at, latest_at
    )
    values (
      in_bucket, c.key, c.version_id, c.is_latest, c.is_delete_marker, c.size, c.etag, c.content_type, c.last_modified,
      c.storage_backend, c.storage_class, c.metadata, c.tags, c.created_by, c.claimed_by, c.comment, c.sequencer,
      c.observed_at, catalog.latest_time(false, '-infinity', c.is_latest, c.is_stated, as_of)
    );

  -- Afterwards, when none of them is the latest: an object whose version changes stays the same row.
  if exists (select from unnest(decided) as d where d.gone_ids <> '{}') then
    delete from catalog.storage_versions
    where ctid = any (array(
        select v.ctid
        from unnest(decided) as d, unnest(d.gone_ids) as gone_id, lateral (
          select x.ctid
          from catalog.storage_versions x
          where x.bucket = in_bucket and x.key = d.key and x.version_id = gone_id
            and catalog.is_gone(x.version_id, x.observed_at, d.gone_ids, as_of)
          limit 1
          for update
        ) as v
      ));
  end if;
end
$$;

comment on function catalog.write_versions is
  'Writes decided versions: those that are gone are deleted, those observed are inserted or replaced unless the '
  'catalog has a later observation of them, and the latest one of each key is flagged.';

revoke execute on function catalog.write_versions from public;
