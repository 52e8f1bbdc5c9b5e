create or replace function catalog.lock_key(in_bucket text, in_key text) returns void
language plpgsql
security definer
set search_path = catalog, pg_temp
as $$
begin
  perform catalog.lock_keys(array[in_bucket], array[in_key]);
end
$$;

comment on function catalog.lock_key is
  'lock_keys for one key, for callers that read it, ask S3, and write it in one transaction.';

revoke execute on function catalog.lock_key from public;
grant execute on function catalog.lock_key to catalog_api;
