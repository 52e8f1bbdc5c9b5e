-- How names become lexemes, for the documents and for the queries alike. The stock text search parser makes a path
-- one token of type file, so `invoice` would never find documents/invoice-2024-001.pdf.

create function catalog_fold(input text) returns text
language sql immutable parallel safe strict
return case
  when input ~ '^[\x01-\x7f]*$' then input
  else normalize(regexp_replace(normalize(input, nfkd), '[\u0300-\u036f]', '', 'g'), nfkc)
end collate "pg_c_utf8";

comment on function catalog_fold is 'Compatibility-decomposes and strips accents: Café and its decomposed spelling become Cafe.';

create function catalog_parts(chunk text) returns text[]
language sql immutable parallel safe strict
return case
  when chunk ~ '^([[:lower:]]+|[[:digit:]]+|[[:upper:]]+)$' collate "pg_c_utf8" then array[lower(chunk collate "pg_c_utf8")]
  else string_to_array(lower(
    regexp_replace(
      regexp_replace(
        regexp_replace(chunk collate "pg_c_utf8", '([[:lower:][:digit:]])(?=[[:upper:]])', E'\\1\x1f', 'g'),
        '([[:upper:]])(?=[[:upper:]][[:lower:]])', E'\\1\x1f', 'g'),
      '([[:alpha:]])(?=[[:digit:]])|([[:digit:]])(?=[[:alpha:]])', E'\\1\\2\x1f', 'g')
    collate "pg_c_utf8"), E'\x1f')
end;

comment on function catalog_parts is 'Splits a run of letters and digits where camelCase and digits begin: HTTPServer2 becomes http, server, 2.';

create function catalog_lexemes(input text, weight "char") returns tsvector
language sql immutable parallel safe strict
return (
  with chunk as (
    select c.chunk, c.n, catalog_parts(c.chunk) as parts
    from regexp_split_to_table(catalog_fold(left(input, 100000)), '[^[:alnum:]]+' collate "pg_c_utf8") with ordinality as c (chunk, n)
    where c.chunk <> ''
  ),
  placed as (
    select chunk, parts, cardinality(parts) as n_parts, sum(cardinality(parts)) over (order by n) as last
    from chunk
  ),
  lexeme as (
    select p.part as word, placed.last - placed.n_parts + p.n as position
    from placed, unnest(placed.parts) with ordinality as p (part, n)
    union all
    select lower(placed.chunk collate "pg_c_utf8"), place.position
    from placed, lateral (values (placed.last - placed.n_parts + 1), (placed.last)) as place (position)
    where placed.n_parts > 1
  )
  select coalesce(string_agg('''' || word || ''':' || least(position, 16383) || weight, ' '), '')::tsvector
  from lexeme
  where octet_length(word) < 2047
);

comment on function catalog_lexemes is 'Words of a name with positions and one weight: each run of letters and digits, and its parts in place, so that phrases hold.';

create function catalog_whole_name(key text) returns tsvector
language sql immutable parallel safe strict
return (
  select case
    when name = '' or octet_length(name) >= 2047 then ''
    else ('''' || replace(replace(name, '\', '\\'), '''', '''''') || ''':1A')
  end::tsvector
  from (select lower(catalog_fold(regexp_replace(rtrim(key, '/'), '^.*/', '')) collate "pg_c_utf8") as name) as whole
);

comment on function catalog_whole_name is 'The file name behind the last slash as one lexeme, so that names without letters are found too.';

create function catalog_values(document jsonb) returns text
language sql immutable parallel safe strict
return (
  select coalesce(string_agg(value #>> '{}', ' '), '')
  from jsonb_path_query(document, '$.** ? (@.type() == "string" || @.type() == "number")') as value
);

comment on function catalog_values is 'The strings and numbers of a document at any depth, without its names, a space between them.';

create function catalog_search_vector(key text, content_type text, metadata jsonb, tags jsonb) returns tsvector
language sql immutable parallel safe
return
  catalog_lexemes(key, 'A')
  || catalog_whole_name(key)
  || case when content_type is null then ''::tsvector else catalog_lexemes(content_type, 'B') end
  || case when metadata = '{}' then ''::tsvector else catalog_lexemes(catalog_values(metadata), 'C') end
  || case when tags = '{}' then ''::tsvector else catalog_lexemes(catalog_values(tags), 'C') end;

comment on function catalog_search_vector is 'What searchObjects matches: key weight A, content type B, metadata values and tags C.';

create function catalog_query(word text, is_prefix boolean) returns tsquery
language sql immutable parallel safe strict
return (
  with chunk as (
    select lower(c.chunk collate "pg_c_utf8") as whole, catalog_parts(c.chunk) as parts, c.n, c.n = count(*) over () as is_last
    from (
      select chunk, row_number() over (order by n) as n
      from regexp_split_to_table(catalog_fold(left(word, 1000)), '[^[:alnum:]]+' collate "pg_c_utf8") with ordinality as s (chunk, n)
      where chunk <> ''
    ) as c
  ),
  term as (
    select
      n,
      format('(''%s''%s%s)',
        whole,
        case when is_prefix and is_last then ':*' end,
        case when cardinality(parts) > 1
          then format(' | ''%s''%s', array_to_string(parts, ''' <-> '''), case when is_prefix and is_last then ':*' end)
        end) as query
    from chunk
  )
  select coalesce(
    string_agg(query, ' <-> ' order by n),
    case when trim(word) = '' then ''
      else '''' || replace(replace(lower(catalog_fold(trim(word)) collate "pg_c_utf8"), '\', '\\'), '''', '''''') || '''' || case when is_prefix then ':*' else '' end
    end)::tsquery
  from term
);

comment on function catalog_query is 'One word of a search as a query, split as documents are: the run itself or its parts in sequence; a prefix matches what begins so.';

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
