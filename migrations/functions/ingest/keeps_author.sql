-- What a caller of the API said stays, whatever event of the version comes again. A `null` version that was written
-- again is another one.
create or replace function catalog.keeps_author(
  version_id text, last_modified timestamptz, sequencer text, claimed_by text,
  observed_last_modified timestamptz, observed_sequencer text, observed_claimed_by text
) returns boolean
language sql immutable parallel safe
return case
  when observed_claimed_by is not null then false
  when observed_sequencer collate "C" < sequencer collate "C" then true
  when claimed_by is null then false
  else version_id <> 'null'
    or (observed_last_modified = last_modified and observed_sequencer collate "C" = sequencer collate "C")
end;

comment on function catalog.keeps_author is
  'Whether a version of the catalog keeps created_by and claimed_by when it is observed again.';

revoke execute on function catalog.keeps_author from public;
