-- requires: split_words, spellings

create or replace function catalog.words_query(words text, is_prefix boolean) returns tsquery
language sql immutable parallel safe strict
return (
  select coalesce(string_agg(phrase.query || case when is_prefix then ':*' else '' end, ' | '), '')::tsquery
  from unnest(catalog.spellings(catalog.split_words(words))) as spelling,
    lateral (
      select string_agg(left(word, 500), ' <-> ' order by n) as query
      from string_to_table(spelling, ' ') with ordinality as t (word, n)
    ) as phrase
  where spelling <> ''
);

comment on function catalog.words_query is
  'Words of a search as a query, split as documents are: a phrase at each granularity. With is_prefix the last word '
  'of each matches every word that begins with it. Empty when there are no words.';

revoke execute on function catalog.words_query from public;
grant execute on function catalog.words_query to catalog_api;
