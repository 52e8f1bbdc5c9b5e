-- An answer that comes late must not undo what was told since. Three ways in which one could:
-- a version written again (`null` can be) was taken for the latest as of its first writing only, so that a look from between the two hid it;
-- a look older than what is known was dropped, and the question that it was to answer with it;
-- a version seen by the way, of a key that had none left, became no latest, and nobody asked which is.

alter type latest_decision rename attribute is_look to is_told;

comment on type latest_decision is 'Which version of a key was the latest and which is now (null: none), whether the batch at hand says so by a look or by the event that made the version, whether it could be told at all, and what else was observed of the key.';

create or replace function decide_latest(in_bucket text, as_of timestamptz, keys text[], live observation[], looked_json jsonb) returns latest_decision[]
language plpgsql
as $$
declare
  decided latest_decision[];
begin
  with item as (
    select o.key, o as observed, null as looked_id, false as is_looked from unnest(live) as o
    union all
    select l.key, null, l.version_id, true from jsonb_to_recordset(looked_json) as l (key text, version_id text)
    union all
    select k, null, null, false from unnest(keys) as k
  ),
  told as (
    select i.key,
      array_agg(i.observed) filter (where (i.observed).key is not null) as observed,
      bool_or(i.is_looked) as is_looked,
      max(i.looked_id) as looked_id,
      (array_agg((i.observed).version_id order by (i.observed).sequencer desc) filter (where (i.observed).claims_latest))[1] as claim_id,
      max((i.observed).sequencer) filter (where (i.observed).claims_latest) as claim_sequencer,
      count(*) filter (where (i.observed).claims_latest) <= 1
        or (
          min((i.observed).sequencer) filter (where (i.observed).claims_latest) <> ''
          and count(distinct (i.observed).sequencer) filter (where (i.observed).claims_latest) = count(*) filter (where (i.observed).claims_latest)
        ) as is_clear
    from item i
    group by i.key
  ),
  fact as (
    select t.*,
      c.version_id as current_id, c.sequencer as current_sequencer,
      rest.n as others, rest.sequencer as others_sequencer, rest.is_known as others_known,
      t.is_looked
        and (c.latest_at is null or c.latest_at <= as_of)
        and (
          t.looked_id is null
          or t.looked_id in (select o.version_id from unnest(t.observed) as o)
          or exists (select from storage_versions v where v.bucket = in_bucket and v.key = t.key and v.version_id = t.looked_id)
        ) as is_look
    from told t
    left join lateral (
      select v.version_id, v.sequencer, v.latest_at
      from storage_versions v
      where v.bucket = in_bucket and v.key = t.key and v.is_latest
      limit 1
    ) as c on true
    left join lateral (
      select count(*) as n, max(v.sequencer) as sequencer, bool_and(v.sequencer <> '') as is_known
      from storage_versions v
      where v.bucket = in_bucket and v.key = t.key and c.version_id is null
    ) as rest on true
  ),
  judged as (
    select f.*,
      case
        when f.is_look then true
        when f.is_looked and f.looked_id is distinct from f.current_id then false
        when f.claim_id is null then f.current_id is not null or (f.others = 0 and f.observed is null)
        when not f.is_clear then false
        when f.current_id is null then f.others = 0 or (f.claim_sequencer <> '' and f.others_known and f.claim_sequencer >= f.others_sequencer)
        when f.claim_id = f.current_id then true
        else f.claim_sequencer <> '' and f.current_sequencer <> '' and f.claim_sequencer <> f.current_sequencer
      end as is_settled
    from fact f
  ),
  chosen as (
    select j.*,
      case
        when j.is_look then j.looked_id
        when not j.is_settled or j.claim_id is null or (j.current_id is not null and j.claim_sequencer <= j.current_sequencer) then j.current_id
        else j.claim_id
      end as version_id
    from judged j
  )
  select array_agg((c.key, c.current_id, c.version_id, c.is_look or coalesce(c.claim_id = c.version_id, false), c.is_settled, c.observed)::latest_decision)
  into decided
  from chosen c;
  return decided;
end
$$;

-- Rows are found by key with `lateral (... limit 1)` and `ctid = any (...)`: index lookups whatever the planner believes. A join
-- planned while the tables were small would go on reading them whole when they are large.
create or replace function apply_observations(in_bucket text, as_of timestamptz, observed_json jsonb, looked_json jsonb, audited_json jsonb)
returns text[]
language plpgsql
set enable_seqscan = off
set jit = off
as $$
declare
  observed observation[];
  live observation[];
  decided latest_decision[];
  keys text[];
  found_rows tid[];
begin
  perform set_config('catalog.applying', 'on', true);
  observed := array(select o from jsonb_populate_recordset(null::observation, observed_json) as o);
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
    insert into storage_tombstones as t (bucket, key, version_id, observed_at)
    select in_bucket, o.key, o.version_id, case when o.version_id = 'null' then as_of else 'infinity' end
    from unnest(observed) as o
    where o.state = 'gone'
    on conflict (bucket, key, version_id) do update
    set observed_at = greatest(t.observed_at, excluded.observed_at), created_at = now();

    found_rows := array(
      select v.ctid
      from unnest(observed) as o, lateral (
        select x.ctid
        from storage_versions x
        where x.bucket = in_bucket and x.key = o.key and x.version_id = o.version_id
          and (x.version_id <> 'null' or x.observed_at <= as_of)
        limit 1
        for update
      ) as v
      where o.state = 'gone'
    );
    delete from storage_versions where ctid = any (found_rows);
  end if;

  -- What is known to be gone since this was observed does not come back.
  live := array(
    select o
    from unnest(observed) as o
    left join lateral (
      select x.observed_at
      from storage_tombstones x
      where x.bucket = in_bucket and x.key = o.key and x.version_id = o.version_id
      limit 1
    ) as t on true
    where o.state <> 'gone' and (t.observed_at is null or t.observed_at < as_of)
  );

  decided := decide_latest(in_bucket, as_of, keys, live, looked_json);

  found_rows := array(
    select v.ctid
    from unnest(decided) as d, lateral (
      select x.ctid
      from storage_versions x
      where x.bucket = in_bucket and x.key = d.key and x.version_id = d.current_id
      limit 1
      for no key update
    ) as v
    where d.current_id is distinct from d.version_id and d.current_id is not null
  );
  if cardinality(found_rows) > 0 then
    update storage_versions set is_latest = false where ctid = any (found_rows);
  end if;

  insert into storage_versions as v (
    bucket, key, version_id, is_latest, is_delete_marker, size, etag, content_type, last_modified, storage_backend, storage_class,
    metadata, tags, created_by, comment, sequencer, observed_at, latest_at
  )
  select in_bucket, o.key, o.version_id, d.version_id is not distinct from o.version_id, o.state = 'marker', o.size, o.etag, o.content_type,
    o.last_modified, coalesce(o.storage_backend, 's3'), coalesce(o.storage_class, 'STANDARD'), coalesce(o.metadata, '{}'), coalesce(o.tags, '{}'),
    o.created_by, o.comment, o.sequencer,
    case when o.seen then as_of else '-infinity' end,
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
      from storage_versions x
      where x.bucket = in_bucket and x.key = d.key and x.version_id = d.version_id
        and (not x.is_latest or (d.is_told and x.latest_at < as_of))
      limit 1
      for no key update
    ) as v
  );
  if cardinality(found_rows) > 0 then
    update storage_versions set is_latest = true, latest_at = as_of where ctid = any (found_rows);
  end if;

  found_rows := array(
    select o.ctid
    from unnest(keys) as k
    left join lateral (
      select x.version_id from storage_versions x where x.bucket = in_bucket and x.key = k and x.is_latest and not x.is_delete_marker limit 1
    ) as v on true
    cross join lateral (
      select x.ctid from storage_objects x where x.bucket = in_bucket and x.key = k limit 1 for update
    ) as o
    where v.version_id is null
  );
  if cardinality(found_rows) > 0 then
    delete from storage_objects where ctid = any (found_rows);
  end if;

  -- Not one `insert ... on conflict`: that would draw an id for each row that is there already, and ids are to lie close together.
  update storage_objects o
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
      select * from storage_versions where bucket = in_bucket and key = k and is_latest and not is_delete_marker limit 1
    ) as v
    cross join lateral (
      select ctid from storage_objects where bucket = in_bucket and key = k limit 1 for no key update
    ) as x
    order by k collate "C"
  ) as n
  where o.ctid = n.place
    and (o.version_id, o.size, o.content_type, o.etag, o.last_modified, o.storage_backend, o.storage_class, o.metadata, o.tags)
      is distinct from (n.version_id, n.size, n.content_type, n.etag, n.last_modified, n.storage_backend, n.storage_class, n.metadata, n.tags);

  insert into storage_objects (
    bucket, key, version_id, size, content_type, etag, last_modified, storage_backend, storage_class, metadata, tags
  )
  select in_bucket, k, v.version_id, v.size, v.content_type, v.etag, v.last_modified, v.storage_backend, v.storage_class, v.metadata, v.tags
  from unnest(keys) as k
  cross join lateral (
    select * from storage_versions where bucket = in_bucket and key = k and is_latest and not is_delete_marker limit 1
  ) as v
  left join lateral (
    select true as is_there from storage_objects where bucket = in_bucket and key = k limit 1
  ) as x on true
  where x.is_there is null
  order by k collate "C";

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
  perform set_config('catalog.applying', '', true);
  return array(select d.key from unnest(decided) as d where not d.is_settled);
end
$$;

comment on function decide_latest is 'The latest version of each key: a look says it as of its time; without one the sequencers do; where they are missing or equal, or the look is older than what is known and says otherwise, the key is unsettled, and its current latest version stays until somebody looks.';

comment on function apply_observations is 'Writes one batch of one bucket: what was observed (observation[] as JSON), which latest versions a look found (key, version_id), and the audit entries of its events. as_of is the database''s time from before the backend was asked; null is the moment at which the writer''s turn comes. Answers the keys whose latest version nobody could tell.';

-- Replacing a function takes its attributes away.
do $$
begin
  execute format('alter function apply_observations security definer set search_path = %I, pg_temp', current_schema());
end
$$;
