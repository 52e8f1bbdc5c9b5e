create or replace function catalog.latest_time(
  was_latest boolean, was_latest_at timestamptz, is_latest boolean, is_stated boolean, as_of timestamptz
) returns timestamptz
language sql immutable parallel safe
return case
  when not is_latest then was_latest_at
  when not was_latest then case when is_stated then as_of else was_latest_at end
  when is_stated then greatest(was_latest_at, as_of)
  else was_latest_at
end;

comment on function catalog.latest_time is
  'Database time as of which a version is known to be the latest, after a batch that may state so: '
  'storage_versions.latest_at.';

revoke execute on function catalog.latest_time from public;
