-- requires: fold

create or replace function catalog.file_name(key text) returns text
language sql immutable parallel safe strict
return left(lower(catalog.fold(regexp_replace(rtrim(key, '/'), '^.*/', '')) collate "pg_c_utf8"), 500);

comment on function catalog.file_name is
  'The file name after the last slash, folded and in lower case, as one lexeme. Names without letters or digits are '
  'found by it alone.';

revoke execute on function catalog.file_name from public;
grant execute on function catalog.file_name to catalog_api;
