create or replace function catalog.document_values(document jsonb) returns text
language sql immutable parallel safe strict
return (
  select coalesce(string_agg(value #>> '{}', ' '), '')
  from jsonb_path_query(document, 'strict $.** ? (@.type() == "string" || @.type() == "number")') as value
);

comment on function catalog.document_values is
  'The strings and numbers of a document at any depth, without their names, separated by spaces.';

revoke execute on function catalog.document_values from public;
