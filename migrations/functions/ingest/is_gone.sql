create or replace function catalog.is_gone(version_id text, observed_at timestamptz, gone_ids text[], as_of timestamptz)
returns boolean
language sql immutable parallel safe
return version_id = any (gone_ids) and observed_at <= as_of;

comment on function catalog.is_gone is
  'Whether a version of the catalog is deleted by a batch that observed gone_ids as gone at as_of. One that was '
  'observed later has been written again (the version id ''null''), or its deletion was an error.';

revoke execute on function catalog.is_gone from public;
