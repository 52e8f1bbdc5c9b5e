-- One way into objects and versions: what was observed of a bucket, as of when. docs/architecture.md, "How the index converges", says why.

create type observation as (
  key text,
  version_id text,
  state text,
  seen boolean,
  claims_latest boolean,
  size bigint,
  etag text,
  content_type text,
  last_modified timestamptz,
  storage_backend text,
  storage_class text,
  metadata jsonb,
  tags jsonb,
  created_by text,
  comment text,
  sequencer text
);

comment on type observation is 'A version as it was found: state is present, marker or gone; seen, that the backend itself was asked and not only an event read; claims_latest, that it was made by the event at hand, so that it is the latest unless a later one is known.';

create type latest_decision as (key text, version_id text, is_look boolean);

comment on type latest_decision is 'Which version of a key is the latest (null: none), and whether a look at the backend said so.';

create function decide_latest(in_bucket text, as_of timestamptz, keys text[], live observation[], looked_json jsonb, out decided latest_decision[], out unsettled text[])
language sql
begin atomic
  with looked as (
    select l.key, l.version_id, l.version_id is null or (l.key, l.version_id) in (select o.key, o.version_id from unnest(live) as o) as is_live
    from jsonb_to_recordset(looked_json) as l (key text, version_id text)
  ),
  claim as (
    select o.key,
      (array_agg(o.version_id order by o.sequencer desc))[1] as version_id,
      max(o.sequencer) as sequencer,
      count(*) = 1 or (min(o.sequencer) <> '' and count(distinct o.sequencer) = count(*)) as is_clear
    from unnest(live) as o
    where o.claims_latest
    group by o.key
  ),
  fact as (
    select k.key, l.version_id as looked_id,
      l.key is not null
        and (c.latest_at is null or c.latest_at <= as_of)
        and (
          l.is_live
          or exists (select from storage_versions v where v.bucket = in_bucket and v.key = k.key and v.version_id = l.version_id)
        ) as is_look,
      c.version_id as current_id, c.sequencer as current_sequencer,
      claim.version_id as claim_id, claim.sequencer as claim_sequencer, claim.is_clear,
      rest.n as others, rest.sequencer as others_sequencer, rest.is_known as others_known
    from unnest(keys) as k (key)
    left join looked l on l.key = k.key
    left join storage_versions c on c.bucket = in_bucket and c.key = k.key and c.is_latest
    left join claim on claim.key = k.key
    left join lateral (
      select count(*) as n, max(v.sequencer) as sequencer, bool_and(v.sequencer <> '') as is_known
      from storage_versions v
      where v.bucket = in_bucket and v.key = k.key and c.version_id is null
    ) as rest on true
  ),
  choice as (
    select f.key, f.is_look, f.current_id,
      case
        when f.is_look then f.looked_id
        when f.claim_id is null or not f.is_clear or f.claim_id = f.current_id then f.current_id
        when f.current_id is null and (f.others = 0 or (f.claim_sequencer <> '' and f.others_known and f.claim_sequencer >= f.others_sequencer)) then f.claim_id
        when f.current_sequencer <> '' and f.claim_sequencer > f.current_sequencer then f.claim_id
        else f.current_id
      end as version_id,
      case
        when f.is_look then true
        when f.claim_id is null then f.current_id is not null or f.others = 0
        when not f.is_clear then false
        when f.current_id is null then f.others = 0 or (f.claim_sequencer <> '' and f.others_known and f.claim_sequencer >= f.others_sequencer)
        when f.claim_id = f.current_id then true
        else f.claim_sequencer <> '' and f.current_sequencer <> '' and f.claim_sequencer <> f.current_sequencer
      end as is_settled
    from fact f
  )
  select array_agg((c.key, c.version_id, c.is_look)::latest_decision), coalesce(array_agg(c.key) filter (where not c.is_settled), '{}')
  from choice c;
end;

comment on function decide_latest is 'The latest version of each key: a look says it as of its time; without one the sequencers do; where they are missing or equal the key is unsettled, and its current latest version stays until somebody looks.';

create function assert_objects_follow_versions(in_bucket text, keys text[]) returns void
language plpgsql
as $$
declare
  torn text;
begin
  select k into torn
  from unnest(keys) as k
  left join storage_versions v on v.bucket = in_bucket and v.key = k and v.is_latest and not v.is_delete_marker
  left join storage_objects o on o.bucket = in_bucket and o.key = k
  where v.version_id is distinct from o.version_id
  limit 1;
  if found then
    raise exception 'storage_objects and the latest version of % in % would differ', quote_literal(torn), in_bucket
      using errcode = 'integrity_constraint_violation', hint = 'Write through apply_observations.';
  end if;
end
$$;

comment on function assert_objects_follow_versions is 'storage_objects holds a key exactly when its latest version is no delete marker, and with that version''s id.';

create function catalog_not_torn() returns trigger
language plpgsql
as $$
begin
  if current_setting('catalog.applying', true) = 'on' then
    return null;
  end if;
  if tg_op in ('INSERT', 'UPDATE') then
    perform assert_objects_follow_versions(a.bucket, array_agg(distinct a.key)) from added a group by a.bucket;
  end if;
  if tg_op in ('DELETE', 'UPDATE') then
    perform assert_objects_follow_versions(r.bucket, array_agg(distinct r.key)) from removed r group by r.bucket;
  end if;
  return null;
end
$$;

comment on function catalog_not_torn is 'Refuses a statement that would leave objects and versions at odds; apply_observations checks its own keys when it is done.';

create trigger storage_versions_not_torn_insert after insert on storage_versions
  referencing new table as added for each statement execute function catalog_not_torn();
create trigger storage_versions_not_torn_update after update on storage_versions
  referencing old table as removed new table as added for each statement execute function catalog_not_torn();
create trigger storage_versions_not_torn_delete after delete on storage_versions
  referencing old table as removed for each statement execute function catalog_not_torn();
create trigger storage_objects_not_torn_insert after insert on storage_objects
  referencing new table as added for each statement execute function catalog_not_torn();
create trigger storage_objects_not_torn_update after update on storage_objects
  referencing old table as removed new table as added for each statement execute function catalog_not_torn();
create trigger storage_objects_not_torn_delete after delete on storage_objects
  referencing old table as removed for each statement execute function catalog_not_torn();

create function apply_observations(in_bucket text, as_of timestamptz, observed_json jsonb, looked_json jsonb, audited_json jsonb)
returns text[]
language plpgsql
set catalog.applying = 'on'
as $$
declare
  observed observation[];
  live observation[];
  decided latest_decision[];
  keys text[];
  unsettled text[];
begin
  observed := array(select o from jsonb_populate_recordset(null::observation, observed_json) as o);
  keys := array(
    select o.key from unnest(observed) as o
    union
    select l.key from jsonb_to_recordset(looked_json) as l (key text)
  );

  -- Writers of one key take turns, in one order so that they cannot deadlock; each statement below sees what the turn before left.
  perform pg_advisory_xact_lock(locks.lock)
  from (select hashtextextended(in_bucket || '/' || k, 0) as lock from unnest(keys) as k order by 1) as locks;

  insert into storage_tombstones as t (bucket, key, version_id, observed_at)
  select in_bucket, o.key, o.version_id, case when o.version_id = 'null' then as_of else 'infinity' end
  from unnest(observed) as o
  where o.state = 'gone'
  on conflict (bucket, key, version_id) do update
  set observed_at = greatest(t.observed_at, excluded.observed_at), created_at = now();

  delete from storage_versions v
  using unnest(observed) as o, storage_tombstones t
  where o.state = 'gone'
    and t.bucket = in_bucket and t.key = o.key and t.version_id = o.version_id
    and v.bucket = in_bucket and v.key = o.key and v.version_id = o.version_id
    and v.observed_at <= t.observed_at;

  -- What is known to be gone since this was observed does not come back.
  live := array(
    select o
    from unnest(observed) as o
    where o.state <> 'gone'
      and not exists (
        select from storage_tombstones t
        where t.bucket = in_bucket and t.key = o.key and t.version_id = o.version_id and t.observed_at >= as_of
      )
  );

  select d.decided, d.unsettled into decided, unsettled
  from decide_latest(in_bucket, as_of, keys, live, looked_json) as d;

  update storage_versions v
  set is_latest = false
  from unnest(decided) as d
  where v.bucket = in_bucket and v.key = d.key and v.is_latest and v.version_id is distinct from d.version_id;

  insert into storage_versions as v (
    bucket, key, version_id, is_latest, is_delete_marker, size, etag, content_type, last_modified, storage_backend, storage_class,
    metadata, tags, created_by, comment, sequencer, observed_at, latest_at
  )
  select in_bucket, o.key, o.version_id, d.version_id is not distinct from o.version_id, o.state = 'marker', o.size, o.etag, o.content_type,
    o.last_modified, coalesce(o.storage_backend, 's3'), coalesce(o.storage_class, 'STANDARD'), coalesce(o.metadata, '{}'), coalesce(o.tags, '{}'),
    o.created_by, o.comment, o.sequencer,
    case when o.seen then as_of else '-infinity' end,
    case when d.version_id is not distinct from o.version_id then as_of else '-infinity' end
  from unnest(live) as o
  join unnest(decided) as d on d.key = o.key
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
    created_by = coalesce(excluded.created_by, v.created_by),
    comment = coalesce(excluded.comment, v.comment),
    sequencer = greatest(v.sequencer, excluded.sequencer),
    observed_at = excluded.observed_at
  where v.observed_at <= excluded.observed_at;

  update storage_versions v
  set is_latest = true, latest_at = as_of
  from unnest(decided) as d
  where v.bucket = in_bucket and v.key = d.key and v.version_id = d.version_id
    and (not v.is_latest or (d.is_look and v.latest_at < as_of));

  delete from storage_objects o
  where o.bucket = in_bucket and o.key = any (keys)
    and not exists (
      select from storage_versions v
      where v.bucket = in_bucket and v.key = o.key and v.is_latest and not v.is_delete_marker
    );

  insert into storage_objects as o (
    bucket, key, version_id, size, content_type, etag, last_modified, storage_backend, storage_class, metadata, tags
  )
  select v.bucket, v.key, v.version_id, v.size, v.content_type, v.etag, v.last_modified, v.storage_backend, v.storage_class, v.metadata, v.tags
  from unnest(keys) as k
  join storage_versions v on v.bucket = in_bucket and v.key = k and v.is_latest and not v.is_delete_marker
  order by v.key
  on conflict (bucket, key) do update
  set version_id = excluded.version_id,
    size = excluded.size,
    content_type = excluded.content_type,
    etag = excluded.etag,
    last_modified = excluded.last_modified,
    storage_backend = excluded.storage_backend,
    storage_class = excluded.storage_class,
    metadata = excluded.metadata,
    tags = excluded.tags
  where (o.version_id, o.size, o.content_type, o.etag, o.last_modified, o.storage_backend, o.storage_class, o.metadata, o.tags)
    is distinct from (excluded.version_id, excluded.size, excluded.content_type, excluded.etag, excluded.last_modified,
      excluded.storage_backend, excluded.storage_class, excluded.metadata, excluded.tags);

  insert into storage_audit (
    occurred_at, user_id, user_name, action, bucket, key, version_id, ip_address, user_agent, success, error_message, metadata, event_id
  )
  select a.occurred_at, a.user_id, a.user_name, a.action, in_bucket, a.key, a.version_id, a.ip_address, a.user_agent, true, null, a.metadata, a.event_id
  from jsonb_to_recordset(audited_json) as a (
    occurred_at timestamptz, user_id text, user_name text, action text, key text, version_id text, ip_address text, user_agent text,
    metadata jsonb, event_id text
  )
  on conflict (event_id, occurred_at) do nothing;

  perform assert_objects_follow_versions(in_bucket, keys);
  return unsettled;
end
$$;

comment on function apply_observations is 'Writes one batch of one bucket: what was observed (observation[] as JSON), which latest versions a look found (key, version_id), and the audit entries of its events. as_of is the database''s time from before the backend was asked. Answers the keys whose latest version nobody could tell.';
