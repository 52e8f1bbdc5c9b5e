create or replace function catalog.apply_observations(in_bucket text, as_of timestamptz, observed_json jsonb, looked_json jsonb, audited_json jsonb)
returns text[]
language plpgsql
security definer
set search_path = catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
  observed catalog.observation[];
  live catalog.observation[];
  decided catalog.latest_decision[];
  keys text[];
  found_rows tid[];
begin
  perform set_config('catalog.applying', 'on', true);
  observed := array(select o from jsonb_populate_recordset(null::catalog.observation, observed_json) as o);
  keys := array(
    select o.key from unnest(observed) as o
    union
    select l.key from jsonb_to_recordset(looked_json) as l (key text)
  );

  -- Writers of one key take turns, in one order so that they cannot deadlock; each statement below sees what the turn before left.
  perform pg_advisory_xact_lock(locks.lock)
  from (select hashtextextended(in_bucket || '/' || k, 0) as lock from unnest(keys) as k order by 1) as locks;
  as_of := coalesce(as_of, clock_timestamp());

  if exists (select from unnest(observed) as o where o.state = 'gone') then
    insert into catalog.storage_tombstones as t (bucket, key, version_id, observed_at)
    select in_bucket, o.key, o.version_id, case when o.version_id = 'null' then as_of else 'infinity' end
    from unnest(observed) as o
    where o.state = 'gone'
    on conflict (bucket, key, version_id) do update
    set observed_at = greatest(t.observed_at, excluded.observed_at), created_at = now();

    found_rows := array(
      select v.ctid
      from unnest(observed) as o, lateral (
        select x.ctid
        from catalog.storage_versions x
        where x.bucket = in_bucket and x.key = o.key and x.version_id = o.version_id
          and (x.version_id <> 'null' or x.observed_at <= as_of)
        limit 1
        for update
      ) as v
      where o.state = 'gone'
    );
    delete from catalog.storage_versions where ctid = any (found_rows);
  end if;

  -- What is known to be gone since this was observed does not come back.
  live := array(
    select o
    from unnest(observed) as o
    left join lateral (
      select x.observed_at
      from catalog.storage_tombstones x
      where x.bucket = in_bucket and x.key = o.key and x.version_id = o.version_id
      limit 1
    ) as t on true
    where o.state <> 'gone' and (t.observed_at is null or t.observed_at < as_of)
  );

  decided := catalog.decide_latest(in_bucket, as_of, keys, live, looked_json);

  found_rows := array(
    select v.ctid
    from unnest(decided) as d, lateral (
      select x.ctid
      from catalog.storage_versions x
      where x.bucket = in_bucket and x.key = d.key and x.version_id = d.current_id
      limit 1
      for no key update
    ) as v
    where d.current_id is distinct from d.version_id and d.current_id is not null
  );
  if cardinality(found_rows) > 0 then
    update catalog.storage_versions set is_latest = false where ctid = any (found_rows);
  end if;

  insert into catalog.storage_versions as v (
    bucket, key, version_id, is_latest, is_delete_marker, size, etag, content_type, last_modified, storage_backend, storage_class,
    metadata, tags, created_by, comment, sequencer, observed_at, latest_at
  )
  select in_bucket, o.key, o.version_id, d.version_id is not distinct from o.version_id, o.state = 'marker', o.size, o.etag, o.content_type,
    o.last_modified, coalesce(o.storage_backend, 's3'), coalesce(o.storage_class, 'STANDARD'), coalesce(o.metadata, '{}'), coalesce(o.tags, '{}'),
    o.created_by, o.comment, o.sequencer,
    case when o.is_verified then as_of else '-infinity' end,
    case when d.is_told and d.version_id = o.version_id then as_of else '-infinity' end
  from unnest(decided) as d, unnest(d.observed) as o
  order by o.key collate "C", o.version_id
  on conflict (bucket, key, version_id) do update
  set is_delete_marker = excluded.is_delete_marker,
    size = excluded.size,
    etag = excluded.etag,
    content_type = excluded.content_type,
    last_modified = excluded.last_modified,
    storage_backend = excluded.storage_backend,
    storage_class = excluded.storage_class,
    metadata = excluded.metadata,
    tags = excluded.tags,
    created_by = case when excluded.sequencer >= v.sequencer then coalesce(excluded.created_by, v.created_by) else v.created_by end,
    comment = coalesce(excluded.comment, v.comment),
    sequencer = greatest(v.sequencer, excluded.sequencer),
    observed_at = excluded.observed_at,
    latest_at = greatest(v.latest_at, excluded.latest_at)
  where v.observed_at <= excluded.observed_at;

  found_rows := array(
    select v.ctid
    from unnest(decided) as d, lateral (
      select x.ctid
      from catalog.storage_versions x
      where x.bucket = in_bucket and x.key = d.key and x.version_id = d.version_id
        and (not x.is_latest or (d.is_told and x.latest_at < as_of))
      limit 1
      for no key update
    ) as v
  );
  if cardinality(found_rows) > 0 then
    update catalog.storage_versions set is_latest = true, latest_at = as_of where ctid = any (found_rows);
  end if;

  found_rows := array(
    select o.ctid
    from unnest(keys) as k
    left join lateral (
      select x.version_id from catalog.storage_versions x where x.bucket = in_bucket and x.key = k and x.is_latest and not x.is_delete_marker limit 1
    ) as v on true
    cross join lateral (
      select x.ctid from catalog.storage_objects x where x.bucket = in_bucket and x.key = k limit 1 for update
    ) as o
    where v.version_id is null
  );
  if cardinality(found_rows) > 0 then
    delete from catalog.storage_objects where ctid = any (found_rows);
  end if;

  -- Not one `insert ... on conflict`: that would draw an id for each row that is there already, and ids are to lie close together.
  update catalog.storage_objects o
  set version_id = n.version_id,
    size = n.size,
    content_type = n.content_type,
    etag = n.etag,
    last_modified = n.last_modified,
    storage_backend = n.storage_backend,
    storage_class = n.storage_class,
    metadata = n.metadata,
    tags = n.tags
  from (
    select x.ctid as place, v.*
    from unnest(keys) as k
    cross join lateral (
      select * from catalog.storage_versions where bucket = in_bucket and key = k and is_latest and not is_delete_marker limit 1
    ) as v
    cross join lateral (
      select ctid from catalog.storage_objects where bucket = in_bucket and key = k limit 1 for no key update
    ) as x
    order by k collate "C"
  ) as n
  where o.ctid = n.place
    and (o.version_id, o.size, o.content_type, o.etag, o.last_modified, o.storage_backend, o.storage_class, o.metadata, o.tags)
      is distinct from (n.version_id, n.size, n.content_type, n.etag, n.last_modified, n.storage_backend, n.storage_class, n.metadata, n.tags);

  insert into catalog.storage_objects (
    bucket, key, version_id, size, content_type, etag, last_modified, storage_backend, storage_class, metadata, tags
  )
  select in_bucket, k, v.version_id, v.size, v.content_type, v.etag, v.last_modified, v.storage_backend, v.storage_class, v.metadata, v.tags
  from unnest(keys) as k
  cross join lateral (
    select * from catalog.storage_versions where bucket = in_bucket and key = k and is_latest and not is_delete_marker limit 1
  ) as v
  left join lateral (
    select true as is_there from catalog.storage_objects where bucket = in_bucket and key = k limit 1
  ) as x on true
  where x.is_there is null
  order by k collate "C";

  insert into catalog.storage_audit (
    occurred_at, user_id, user_name, action, bucket, key, version_id, ip_address, user_agent, success, error_message, metadata, event_id
  )
  select a.occurred_at, a.user_id, a.user_name, a.action, in_bucket, a.key, a.version_id, a.ip_address, a.user_agent, true, null, a.metadata, a.event_id
  from jsonb_to_recordset(audited_json) as a (
    occurred_at timestamptz, user_id text, user_name text, action text, key text, version_id text, ip_address text, user_agent text,
    metadata jsonb, event_id text
  )
  on conflict (event_id, occurred_at) do nothing;

  perform catalog.assert_objects_follow_versions(in_bucket, keys);
  perform set_config('catalog.applying', '', true);
  return array(select d.key from unnest(decided) as d where not d.is_settled);
end
$$;

comment on function catalog.apply_observations is 'Writes one batch of one bucket: what was observed (observation[] as JSON), which latest versions a look found (key, version_id), and the audit entries of its events. as_of is the database''s time from before the backend was asked; null is the moment at which the writer''s turn comes. Answers the keys whose latest version nobody could tell.';

revoke execute on function catalog.apply_observations from public;
grant execute on function catalog.apply_observations to catalog_indexer, catalog_api, catalog_reconciler;
