create or replace function catalog.quote_lexeme(lexeme text) returns text
language sql immutable parallel safe strict
return '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''';

comment on function catalog.quote_lexeme is 'A lexeme in the quotes that the input of tsvector and tsquery expects.';

revoke execute on function catalog.quote_lexeme from public;
grant execute on function catalog.quote_lexeme to catalog_api;
