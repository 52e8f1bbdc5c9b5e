-- requires: is_gone

create or replace function catalog.gather_latest_facts(
  in_bucket text, as_of timestamptz, observed catalog.observation[], live catalog.observation[], confirmed_json jsonb
) returns setof catalog.latest_facts
language plpgsql
as $$
begin
  return query
  with item (key, live, gone_id, is_confirmed, confirmed_id) as (
    select o.key, o, null, false, null
    from unnest(live) as o
    union all
    select o.key, null, case when o.state = 'gone' then o.version_id end, false, null
    from unnest(observed) as o
    union all
    select c.key collate "C", null, null, true, c.version_id
    from jsonb_to_recordset(confirmed_json) as c (key text, version_id text)
  ),
  batch as (
    select i.key,
      array_agg(i.live) filter (where (i.live).key is not null) as observed,
      coalesce(array_agg(i.gone_id) filter (where i.gone_id is not null), '{}') as gone_ids,
      bool_or(i.is_confirmed) as is_confirmed,
      max(i.confirmed_id) as confirmed_id,
      (
        array_agg((i.live).version_id order by (i.live).sequencer desc) filter (where (i.live).claims_latest)
      )[1] as claim_id,
      max((i.live).sequencer) filter (where (i.live).claims_latest) as claim_sequencer,
      count(*) filter (where (i.live).claims_latest) as claims,
      count(distinct nullif((i.live).sequencer, '')) filter (where (i.live).claims_latest) as claim_sequencers
    from item i
    group by i.key
  )
  select b.key, c.version_id, c.sequencer, c.latest_at, others.n, others.sequencer, b.is_confirmed, b.confirmed_id,
    b.confirmed_id is null
      or b.confirmed_id in (select o.version_id from unnest(b.observed) as o)
      or exists (
        select
        from catalog.storage_versions v
        where v.bucket = in_bucket and v.key = b.key and v.version_id = b.confirmed_id
          and not catalog.is_gone(v.version_id, v.observed_at, b.gone_ids, as_of)
      ),
    b.claim_id, b.claim_sequencer, b.claims <= 1 or b.claims = b.claim_sequencers, b.gone_ids, b.observed
  from batch b
  left join lateral (
    select v.version_id, v.sequencer, v.latest_at
    from catalog.storage_versions v
    where v.bucket = in_bucket and v.key = b.key and v.is_latest
      and not catalog.is_gone(v.version_id, v.observed_at, b.gone_ids, as_of)
    limit 1
  ) as c on true
  left join lateral (
    select count(*) as n, case when bool_and(v.sequencer <> '') then max(v.sequencer) end as sequencer
    from catalog.storage_versions v
    where c.version_id is null and v.bucket = in_bucket and v.key = b.key
      and not catalog.is_gone(v.version_id, v.observed_at, b.gone_ids, as_of)
  ) as others on true;
end
$$;

comment on function catalog.gather_latest_facts is
  'What decides the latest version of each key of a batch. current_*: the latest version in the catalog, unless the '
  'batch deletes it, with its sequencer and the time as of which it is the latest. other_*: where there is none, the '
  'number of other versions, and the greatest of their sequencers if all have one. confirmed_*: which version the '
  'backend returned as the latest (null: none), and whether the catalog will have it. claim_*: of the versions whose '
  'creation the batch reports, the one with the greatest sequencer; are_claims_ordered: whether their sequencers '
  'order them. gone_ids, observed: the versions that are gone, and the observations of the others.';

revoke execute on function catalog.gather_latest_facts from public;
