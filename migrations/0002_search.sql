-- How names become lexemes, for the documents and for the queries alike. The stock text search parser makes a path
-- one token of type file, so `invoice` would never find documents/invoice-2024-001.pdf; and it splits by the locale of the
-- database, so everything here names its collation.

create extension if not exists btree_gin;

create function catalog_fold(input text) returns text
language sql immutable parallel safe strict
return translate(
  replace(replace(
    normalize(
      regexp_replace(
        normalize(input, nfkd) collate "pg_c_utf8",
        '[\u0300-\u036f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]+', '', 'g'),
      nfkc),
    'ß', 'ss'), 'ẞ', 'SS'),
  'øØłŁđĐħĦıς٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯๐๑๒๓๔๕๖๗๘๙',
  'oOlLdDhHiσ01234567890123456789012345678901234567890123456789');

comment on function catalog_fold is 'Compatibility-composes, strips accents and invisible characters, and makes digits ASCII: Café and its decomposed spelling become Cafe.';

create function catalog_split(input text) returns text
language plpgsql immutable parallel safe strict
as $$
declare
  -- Bounds the vector far below the megabyte that Postgres allows, and the time that a hostile document can take.
  s text collate "pg_c_utf8" := left(input, 16000);
begin
  if octet_length(s) = length(s) then
    s := btrim(regexp_replace(s, '[^[:alnum:]]+', ' ', 'g'));
  else
    s := left(catalog_fold(s), 16000);
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

comment on function catalog_split is 'Runs of letters and digits in lower case, a space between them; in a run U+001F between letters, digits, and each ideograph or pictograph, and U+001E where camelCase begins: My-iPhone14 becomes my i<1E>phone<1F>14.';

create function catalog_spellings(split text) returns text[]
language sql immutable parallel safe strict
return case
  when position(E'\x1e' in split) > 0 and position(E'\x1f' in split) > 0 then array[
    translate(split, E'\x1e\x1f', '  '), translate(split, E'\x1f\x1e', ' '), translate(split, E'\x1e\x1f', '')]
  when position(E'\x1e' in split) > 0 or position(E'\x1f' in split) > 0 then array[
    translate(split, E'\x1e\x1f', '  '), translate(split, E'\x1e\x1f', '')]
  else array[split]
end;

comment on function catalog_spellings is 'The words of a split text at each granularity, the finest first: my i phone 14, my iphone 14, my iphone14.';

create function catalog_lexemes(input text, weight text) returns tsvector
language plpgsql immutable parallel safe strict
as $$
declare
  split text collate "C" := catalog_split(input);
  spelling text collate "C";
  placed tsvector;
  result tsvector := '';
begin
  if split = '' then
    return '';
  end if;
  foreach spelling in array catalog_spellings(split) loop
    -- A tsvector refuses lexemes of 2 kB. Positions begin at 2: no phrase leads from one spelling into the next.
    placed := (
      select string_agg(left(word, 500) || ':' || n + 1 || weight, ' ')::tsvector
      from string_to_table(spelling, ' ') with ordinality as t (word, n)
    );
    -- What was placed by a finer spelling is repeated for phrases only: as D it adds next to nothing to a rank.
    result := case when result = '' then placed else result || setweight(placed, 'D', tsvector_to_array(result)) end;
  end loop;
  return result;
end
$$;

comment on function catalog_lexemes is 'Words of a text at each granularity, with positions so that phrases hold within one, and one weight.';

create function catalog_whole_name(key text) returns text
language sql immutable parallel safe strict
return left(lower(catalog_fold(regexp_replace(rtrim(key, '/'), '^.*/', '')) collate "pg_c_utf8"), 500);

comment on function catalog_whole_name is 'The file name behind the last slash as one lexeme, for names without letters or digits: nothing else would find them.';

create function catalog_quote(lexeme text) returns text
language sql immutable parallel safe strict
return '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''';

comment on function catalog_quote is 'A lexeme as the input of tsvector and tsquery wants it.';

create function catalog_values(document jsonb) returns text
language sql immutable parallel safe strict
return (
  select coalesce(string_agg(value #>> '{}', ' '), '')
  from jsonb_path_query(document, 'strict $.** ? (@.type() == "string" || @.type() == "number")') as value
);

comment on function catalog_values is 'The strings and numbers of a document at any depth, without its names, a space between them.';

create function catalog_search_vector(key text, content_type text, metadata jsonb, tags jsonb) returns tsvector
language sql immutable parallel safe
return
  catalog_lexemes(key, 'A')
  || case
    when key collate "pg_c_utf8" ~ '[[:alnum:]][^/]*/*$' or catalog_whole_name(key) = '' then ''::tsvector
    when catalog_split(catalog_whole_name(key)) <> '' then ''::tsvector
    else (catalog_quote(catalog_whole_name(key)) || ':1A')::tsvector
  end
  || case when content_type is null then ''::tsvector else catalog_lexemes(content_type, 'B') end
  || case
    when metadata = '{}' and tags = '{}' then ''::tsvector
    else catalog_lexemes(catalog_values(tags) || ' ' || catalog_values(metadata), 'C')
  end;

comment on function catalog_search_vector is 'What searchObjects matches: key weight A, content type B, tags and metadata values C, 16,000 characters of each at most.';

create function catalog_query(words text, is_prefix boolean) returns tsquery
language sql immutable parallel safe strict
return (
  select coalesce(string_agg(phrase.query || case when is_prefix then ':*' else '' end, ' | '), '')::tsquery
  from unnest(catalog_spellings(catalog_split(words))) as spelling,
    lateral (
      select string_agg(left(word, 500), ' <-> ' order by n) as query
      from string_to_table(spelling, ' ') with ordinality as t (word, n)
    ) as phrase
  where spelling <> ''
);

comment on function catalog_query is 'Words of a search as a query, split as documents are: a phrase at each granularity. A prefix matches what the last word begins. Empty when there are no words.';

create function catalog_name_query(name text) returns tsquery
language sql immutable parallel safe strict
return case when catalog_whole_name(btrim(name)) = '' then '' else catalog_quote(catalog_whole_name(btrim(name))) end::tsquery;

comment on function catalog_name_query is 'Finds a file name without letters or digits by the whole of it.';

create function storage_objects_search() returns trigger
language plpgsql
as $$
begin
  new.search_vector := catalog_search_vector(new.key, new.content_type, new.metadata, new.tags);
  return new;
end
$$;

comment on function storage_objects_search is 'Keeps storage_objects.search_vector.';

create trigger storage_objects_search_insert before insert on storage_objects
  for each row execute function storage_objects_search();

create trigger storage_objects_search_update before update on storage_objects
  for each row when (
    old.metadata is distinct from new.metadata
    or old.tags is distinct from new.tags
    or old.content_type is distinct from new.content_type
    or old.key is distinct from new.key
  ) execute function storage_objects_search();

-- Beside the lexemes the block of 8,192 ids, so that the matches of a common word can be read newest block first: GIN skips
-- through a long posting list by the short one of a block, and never decodes the whole.
create index storage_objects_search on storage_objects using gin ((id >> 13), search_vector)
  with (gin_pending_list_limit = 256);

create type search_match as (id bigint, rank real, last_modified timestamptz);

comment on type search_match is 'An object that matches a search, with what orders it: rank descending, then newest, then id.';

create function search_matches(
  query tsquery, in_bucket text, key_prefix text, backend text, type text, contained jsonb,
  mode text, below bigint, down_to bigint,
  out matches search_match[], out chosen_mode text, out read_below bigint, out rest_below bigint
)
language plpgsql
-- Compiling would cost more than the search.
set jit = off
as $$
declare
  -- Up to so many matches by the planner's estimate all are ranked; up to five times as many when the estimate was wrong, and
  -- twenty-five times when a list that began so goes on.
  few constant integer := 4000;
  most constant integer := few * case when mode is null then 5 else 25 end;
  block constant integer := 1000;
  condition text := concat_ws(' and ',
    'o.search_vector @@ $1',
    case when in_bucket is not null then 'o.bucket = $2' end,
    case when key_prefix is not null then 'o.key ^@ $3' end,
    case when backend is not null then 'o.storage_backend = $4' end,
    case when type is not null then 'o.content_type = $5' end,
    case when contained is not null then 'o.metadata @> $6' end);
  estimate numeric;
  plan json;
  reads_rows boolean;
begin
  if numnode(query) = 0 then
    chosen_mode := 'all';
    return;
  end if;

  if mode is null or (mode = 'newest' and down_to is null) then
    execute 'explain (format json) select from storage_objects o where ' || condition
      into plan
      using query, in_bucket, key_prefix, backend, type, contained;
    estimate := (plan #>> '{0,Plan,Plan Rows}')::numeric;
    mode := coalesce(mode, case when estimate <= few then 'all' else 'newest' end);
  end if;

  if mode = 'all' then
    execute 'select array_agg(m.match) from ('
      || 'select (o.id, ts_rank(o.search_vector, $1), o.last_modified)::search_match as match from storage_objects o where ' || condition
      || ' limit $7) as m'
      into matches
      using query, in_bucket, key_prefix, backend, type, contained, most + 1;
    if coalesce(cardinality(matches), 0) <= most then
      chosen_mode := 'all';
      return;
    end if;
  end if;

  -- For a search of negations GIN reads all of its entries, for a prefix all posting lists of it, for each block again. Then, and
  -- where the block is known and small, the rows themselves are read. Not for any common word: it may be common in old rows only.
  reads_rows := querytree(query) in ('', 'T')
    or (query::text like '%:*%' and estimate * 16 >= (select reltuples from pg_class where oid = 'storage_objects'::regclass))
    or below - down_to <= 4 * block;
  chosen_mode := 'newest';
  execute 'select array_agg((c.id, ts_rank(c.search_vector, $1), c.last_modified)::search_match order by c.id desc) from ('
    || 'select o.* from (select generate_series(($7 - 1) >> 13, $8 >> 13, -1) as n) as b, '
    || 'lateral (select o.id, o.search_vector, o.last_modified from storage_objects o where '
    || case when reads_rows then 'o.id >= b.n << 13 and o.id < (b.n + 1) << 13' else '(o.id >> 13) = b.n' end || ' and ' || condition
    || ' and o.id < $7 and o.id >= $8 order by o.id desc) as o limit $9) as c'
    into matches
    using query, in_bucket, key_prefix, backend, type, contained,
      least(below, (select max(id) + 1 from storage_objects)), greatest(down_to, (select min(id) from storage_objects)), block + 1;
  read_below := coalesce(below, (matches[1]).id + 1);
  if cardinality(matches) > block then
    rest_below := (matches[block]).id;
    matches := matches[:block];
  elsif down_to is not null then
    rest_below := down_to;
  end if;
end
$$;

comment on function search_matches is 'The matches of a search with their ranks. Mode all: every one. Mode newest, for what too many match: a block of 1,000 by id from the newest down (ids below and down_to bound it); read_below is its upper bound, rest_below where the next block begins, null at the end. A null mode is chosen by the planner''s estimate.';
