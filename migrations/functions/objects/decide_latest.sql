create or replace function catalog.decide_latest(in_bucket text, as_of timestamptz, keys text[], live catalog.observation[], looked_json jsonb) returns catalog.latest_decision[]
language plpgsql
as $$
declare
  decided catalog.latest_decision[];
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
          or exists (select from catalog.storage_versions v where v.bucket = in_bucket and v.key = t.key and v.version_id = t.looked_id)
        ) as is_look
    from told t
    left join lateral (
      select v.version_id, v.sequencer, v.latest_at
      from catalog.storage_versions v
      where v.bucket = in_bucket and v.key = t.key and v.is_latest
      limit 1
    ) as c on true
    left join lateral (
      select count(*) as n, max(v.sequencer) as sequencer, bool_and(v.sequencer <> '') as is_known
      from catalog.storage_versions v
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
  select array_agg((c.key, c.current_id, c.version_id, c.is_look or coalesce(c.claim_id = c.version_id, false), c.is_settled, c.observed)::catalog.latest_decision)
  into decided
  from chosen c;
  return decided;
end
$$;

comment on function catalog.decide_latest is 'The latest version of each key: a look says it as of its time; without one the sequencers do; where they are missing or equal, or the look is older than what is known and says otherwise, the key is unsettled, and its current latest version stays until somebody looks.';

revoke execute on function catalog.decide_latest from public;
