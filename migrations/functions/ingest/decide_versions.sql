-- requires: gather_latest_facts, decide_latest

create or replace function catalog.decide_versions(
  in_bucket text, as_of timestamptz, observed catalog.observation[], live catalog.observation[], confirmed_json jsonb
) returns catalog.latest_decision[]
language plpgsql
as $$
begin
  return array(
    select (
      f.key, f.current_id, chosen.id, decided.outcome = 'confirmed' or coalesce(f.claim_id = chosen.id, false),
      decided.outcome <> 'ask', f.gone_ids, f.observed
    )::catalog.latest_decision
    from catalog.gather_latest_facts(in_bucket, as_of, observed, live, confirmed_json) as f
    cross join lateral (
      select catalog.decide_latest(f, as_of) as outcome
    ) as decided
    cross join lateral (
      select case decided.outcome
        when 'confirmed' then f.confirmed_id
        when 'claim' then f.claim_id
        else f.current_id
      end as id
    ) as chosen
  );
end
$$;

comment on function catalog.decide_versions is 'Decides the latest version of each key that a batch names.';

revoke execute on function catalog.decide_versions from public;
