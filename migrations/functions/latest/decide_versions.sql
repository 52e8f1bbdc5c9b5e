-- What decides the latest version of a key:
--
-- | column             | meaning                                                                                     |
-- |--------------------|---------------------------------------------------------------------------------------------|
-- | current_*          | the latest version in the catalog, unless the batch deletes it: its id, its sequencer, and  |
-- |                    | the time as of which it is the latest                                                       |
-- | other_*            | where there is no current version: the number of other versions, and the greatest of their  |
-- |                    | sequencers if all have one                                                                  |
-- | is_confirmed       | the backend returned the latest version of the key                                          |
-- | confirmed_id       | which one it returned (null: none)                                                          |
-- | confirmed_exists   | the catalog will have that version                                                          |
-- | claim_*            | of the versions whose creation the batch reports, the one with the greatest sequencer       |
-- | are_claims_ordered | the sequencers of these versions order them                                                 |
-- | gone_ids           | the versions that are gone                                                                  |
-- | observed           | the observations of the others (null: none)                                                 |
create or replace function catalog.decide_versions(
  in_bucket text, as_of timestamptz, observed catalog.observation[], live catalog.observation[], confirmed_json jsonb
) returns catalog.latest_decision[]
language plpgsql
as $$
begin
  return array(
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
    ),
    decided as materialized (
      select b.key, b.gone_ids, b.observed, b.confirmed_id, b.claim_id, c.version_id as current_id,
        catalog.decide_latest(
          current_id => c.version_id,
          current_sequencer => c.sequencer,
          current_at => c.latest_at,
          other_versions => others.n,
          other_sequencer => others.sequencer,
          is_confirmed => b.is_confirmed,
          confirmed_id => b.confirmed_id,
          confirmed_exists => b.confirmed_id is null
            or b.confirmed_id in (select o.version_id from unnest(b.observed) as o)
            or exists (
              select
              from catalog.storage_versions v
              where v.bucket = in_bucket and v.key = b.key and v.version_id = b.confirmed_id
                and not catalog.is_gone(v.version_id, v.observed_at, b.gone_ids, as_of)
            ),
          claim_id => b.claim_id,
          claim_sequencer => b.claim_sequencer,
          are_claims_ordered => b.claims <= 1 or b.claims = b.claim_sequencers,
          is_observed => b.observed is not null,
          as_of => as_of
        ) as outcome
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
      ) as others on true
    )
    select catalog.make_latest_decision(
      key => d.key,
      current_id => d.current_id,
      latest_id => chosen.id,
      is_stated => d.outcome = 'confirmed' or coalesce(d.claim_id = chosen.id, false),
      is_decided => d.outcome <> 'ask',
      gone_ids => d.gone_ids,
      observed => d.observed
    )
    from decided d
    cross join lateral (
      select case d.outcome
        when 'confirmed' then d.confirmed_id
        when 'claim' then d.claim_id
        else d.current_id
      end as id
    ) as chosen
  );
end
$$;

comment on function catalog.decide_versions is 'Decides the latest version of each key that a batch names.';

revoke execute on function catalog.decide_versions from public;
