create or replace function catalog.apply_to_bucket(
  in_bucket text, as_of timestamptz, observed_json jsonb, confirmed_json jsonb
) returns text[]
language plpgsql
as $$
declare
  observed catalog.observation[];
  live catalog.observation[];
  decided catalog.latest_decision[];
begin
  observed := array(select o from jsonb_populate_recordset(null::catalog.observation, observed_json) as o);
  if exists (select from unnest(observed) as o where o.state = 'gone') then
    perform catalog.add_tombstones(in_bucket, as_of, observed);
  end if;
  live := catalog.live_observations(in_bucket, as_of, observed);
  decided := catalog.decide_versions(in_bucket, as_of, observed, live, confirmed_json);
  -- Triggers bring storage_objects and the counters up to date.
  perform catalog.write_versions(in_bucket, as_of, decided);
  return array(select d.key from unnest(decided) as d where not d.is_decided);
end
$$;

comment on function catalog.apply_to_bucket is
  'The part of apply_observations for one bucket. Returns the keys whose latest version is undecided.';

revoke execute on function catalog.apply_to_bucket from public;
