create or replace function catalog.version_dimensions(is_delete_marker boolean, is_latest boolean) returns text[]
language sql immutable parallel safe
return case
  when is_delete_marker then array['markers']
  when is_latest then array['versions']
  else array['versions', 'old_versions']
end;

comment on function catalog.version_dimensions is 'The dimensions of storage_counters in which a version is counted.';

revoke execute on function catalog.version_dimensions from public;
