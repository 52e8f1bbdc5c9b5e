-- Postgres' own text search parser makes a path one token of type file, so `invoice` would not find
-- documents/invoice-2024-001.pdf, and it splits by the locale of the database. This function splits names for the
-- documents and the queries alike, in every database alike.
create or replace function catalog.split_words(input text) returns text
language plpgsql immutable parallel safe strict
as $$
declare
  -- Keeps the vector far below the megabyte that Postgres allows, and bounds the time that a hostile document takes.
  s text collate "pg_c_utf8" := left(input, 16000);
begin
  if octet_length(s) = length(s) then
    s := btrim(regexp_replace(s, '[^[:alnum:]]+', ' ', 'g'));
  else
    s := left(catalog.fold(s), 16000);
    s := regexp_replace(s, '[^[:alnum:]\u2190-\u2bff\U0001f000-\U0001faff]+', ' ', 'g');
    s := regexp_replace(s,
      '([\u2190-\u2bff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001f000-\U0001faff\U00020000-\U0003ffff])',
      E'\x1f\\1\x1f', 'g');
    s := btrim(replace(replace(replace(s, E'\x1f\x1f', E'\x1f'), E'\x1f ', ' '), E' \x1f', ' '), E' \x1f');
  end if;
  if s ~ '[[:lower:]][[:upper:]]|[[:upper:]][[:upper:]][[:lower:]]' then
    s := regexp_replace(s, '([[:lower:]])([[:upper:]])', E'\\1\x1e\\2', 'g');
    s := regexp_replace(s, '([[:upper:]])([[:upper:]][[:lower:]])', E'\\1\x1e\\2', 'g');
  end if;
  if s ~ '[0-9][[:alpha:]]|[[:alpha:]][0-9]' then
    s := regexp_replace(s, '([[:alpha:]])([0-9])', E'\\1\x1f\\2', 'g');
    s := regexp_replace(s, '([0-9])([[:alpha:]])', E'\\1\x1f\\2', 'g');
  end if;
  return lower(s);
end
$$;

comment on function catalog.split_words is
  'Runs of letters and digits in lower case, separated by spaces. Within a run, U+001F stands between letters, '
  'digits, and each ideograph or pictograph, and U+001E where camelCase begins a word: My-iPhone14 becomes my '
  'i<1E>phone<1F>14. Reads 16,000 characters at most.';

revoke execute on function catalog.split_words from public;
grant execute on function catalog.split_words to catalog_api;
