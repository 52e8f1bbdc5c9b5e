-- Only the first row of this table that applies counts. "Keep" keeps the current latest version (or none), and the
-- key is decided. "Ask" keeps it too, but the key is undecided until the backend is asked. A confirmation is usable
-- when the catalog will have its version, and nothing later is known.
--
-- |  # | confirmation        | current latest | claim           | sequencers                            | outcome   |
-- |----|---------------------|----------------|-----------------|---------------------------------------|-----------|
-- |  1 | usable              | any            | any             | any                                   | confirmed |
-- |  2 | not usable, another | any            | any             | any                                   | ask       |
-- |  3 | none or current     | some           | none            | any                                   | keep      |
-- |  4 | none or current     | none           | none            | any; no version observed, no others   | keep      |
-- |  5 | none or current     | none           | none            | any; a version observed, or others    | ask       |
-- |  6 | none or current     | any            | several         | two claims' are equal, or one missing | ask       |
-- |  7 | none or current     | the claim      | the current     | any                                   | keep      |
-- |  8 | none or current     | none           | some, no others | any                                   | claim     |
-- |  9 | none or current     | none           | some            | the claim's is at least all others'   | claim     |
-- | 10 | none or current     | none           | some            | the claim's is less, or one missing   | ask       |
-- | 11 | none or current     | another        | some            | the claim's is greater                | claim     |
-- | 12 | none or current     | another        | some            | the claim's is less                   | keep      |
-- | 13 | none or current     | another        | some            | equal, or one missing                 | ask       |
create or replace function catalog.decide_latest(
  current_id text, current_sequencer text, current_at timestamptz, other_versions bigint, other_sequencer text,
  is_confirmed boolean, confirmed_id text, confirmed_exists boolean, claim_id text, claim_sequencer text,
  are_claims_ordered boolean, is_observed boolean, as_of timestamptz
) returns text
language sql immutable parallel safe
return case
  when is_confirmed and confirmed_exists and coalesce(current_at <= as_of, true) then 'confirmed'
  when is_confirmed and confirmed_id is distinct from current_id then 'ask'
  when claim_id is null then case
    when current_id is not null then 'keep'
    when other_versions = 0 and not is_observed then 'keep'
    else 'ask'
  end
  when not are_claims_ordered then 'ask'
  when claim_id = current_id then 'keep'
  when current_id is null then case
    when other_versions = 0 then 'claim'
    when claim_sequencer <> '' and claim_sequencer collate "C" >= other_sequencer then 'claim'
    else 'ask'
  end
  when claim_sequencer = '' or current_sequencer = '' then 'ask'
  when claim_sequencer collate "C" > current_sequencer then 'claim'
  when claim_sequencer collate "C" < current_sequencer then 'keep'
  else 'ask'
end;

comment on function catalog.decide_latest is
  'Which version of a key is the latest: confirmed (the one that the backend returned), claim (the one whose '
  'creation is reported), keep (the current one), or ask (the current one until the backend is asked). '
  'functions/latest/decide_versions.sql explains the parameters, which callers give by name.';

revoke execute on function catalog.decide_latest from public;
