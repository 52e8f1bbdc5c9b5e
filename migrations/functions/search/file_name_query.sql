-- requires: file_name, quote_lexeme

create or replace function catalog.file_name_query(name text) returns tsquery
language sql immutable parallel safe strict
return case
  when catalog.file_name(btrim(name)) = '' then ''
  else catalog.quote_lexeme(catalog.file_name(btrim(name)))
end::tsquery;

comment on function catalog.file_name_query is 'Matches a whole file name that has no letters or digits.';

revoke execute on function catalog.file_name_query from public;
grant execute on function catalog.file_name_query to catalog_api;
