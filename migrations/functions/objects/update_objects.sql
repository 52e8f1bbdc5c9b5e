create or replace function catalog.update_objects(in_bucket text, keys text[]) returns void
language plpgsql
as $$
declare
  hidden tid[];
  changed text[];
  new text[];
begin
  select array_agg(o.ctid) filter (where v.version_id is null and o.ctid is not null),
    array_agg(k.key order by k.key collate "C") filter (where v.version_id is not null and o.ctid is not null),
    array_agg(k.key order by k.key collate "C") filter (where v.version_id is not null and o.ctid is null)
  into hidden, changed, new
  from unnest(keys) as k (key)
  left join lateral (
    select x.version_id
    from catalog.storage_versions x
    where x.bucket = in_bucket and x.key = k.key and x.is_latest and not x.is_delete_marker
    limit 1
  ) as v on true
  left join lateral (
    select x.ctid from catalog.storage_objects x where x.bucket = in_bucket and x.key = k.key limit 1
  ) as o on true;

  if hidden is not null then
    delete from catalog.storage_objects where ctid = any (hidden);
  end if;

  if changed is not null then
    update catalog.storage_objects o
    set version_id = v.version_id,
      size = v.size,
      content_type = v.content_type,
      etag = v.etag,
      last_modified = v.last_modified,
      storage_backend = v.storage_backend,
      storage_class = v.storage_class,
      metadata = v.metadata,
      tags = v.tags
    from (
      select place.ctid as place, latest.*
      from unnest(changed) as k (key)
      cross join lateral (
        select * from catalog.storage_versions where bucket = in_bucket and key = k.key and is_latest limit 1
      ) as latest
      cross join lateral (
        select ctid from catalog.storage_objects where bucket = in_bucket and key = k.key limit 1
      ) as place
    ) as v
    where o.ctid = v.place
      and (
        o.version_id, o.size, o.content_type, o.etag, o.last_modified, o.storage_backend, o.storage_class,
        o.metadata, o.tags
      ) is distinct from (
        v.version_id, v.size, v.content_type, v.etag, v.last_modified, v.storage_backend, v.storage_class,
        v.metadata, v.tags
      );
  end if;

  -- Not `insert ... on conflict`: that would draw an id for each row that exists, and ids should lie close together.
  if new is not null then
    insert into catalog.storage_objects (
      bucket, key, version_id, size, content_type, etag, last_modified, storage_backend, storage_class, metadata, tags
    )
    select v.bucket, v.key, v.version_id, v.size, v.content_type, v.etag, v.last_modified, v.storage_backend,
      v.storage_class, v.metadata, v.tags
    from unnest(new) as k (key)
    cross join lateral (
      select * from catalog.storage_versions where bucket = in_bucket and key = k.key and is_latest limit 1
    ) as v;
  end if;
end
$$;

comment on function catalog.update_objects is
  'Brings the objects of keys up to date with the latest versions: deletes, replaces or inserts them.';

revoke execute on function catalog.update_objects from public;
