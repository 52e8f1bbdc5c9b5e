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
create or replace function catalog.decide_latest(facts catalog.latest_facts, as_of timestamptz) returns text
language sql immutable parallel safe
return case
  when (facts).is_confirmed and (facts).confirmed_exists and coalesce((facts).current_at <= as_of, true)
    then 'confirmed'
  when (facts).is_confirmed and (facts).confirmed_id is distinct from (facts).current_id then 'ask'
  when (facts).claim_id is null then case
    when (facts).current_id is not null then 'keep'
    when (facts).other_versions = 0 and cardinality((facts).observed) is null then 'keep'
    else 'ask'
  end
  when not (facts).are_claims_ordered then 'ask'
  when (facts).claim_id = (facts).current_id then 'keep'
  when (facts).current_id is null then case
    when (facts).other_versions = 0 then 'claim'
    when (facts).claim_sequencer <> '' and (facts).claim_sequencer >= (facts).other_sequencer then 'claim'
    else 'ask'
  end
  when (facts).claim_sequencer = '' or (facts).current_sequencer = '' then 'ask'
  when (facts).claim_sequencer > (facts).current_sequencer then 'claim'
  when (facts).claim_sequencer < (facts).current_sequencer then 'keep'
  else 'ask'
end;

comment on function catalog.decide_latest is
  'Which version of a key is the latest: confirmed (the one that the backend returned), claim (the one whose '
  'creation is reported), keep (the current one), or ask (the current one until the backend is asked).';

revoke execute on function catalog.decide_latest from public;
