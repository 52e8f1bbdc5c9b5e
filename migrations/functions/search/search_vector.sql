-- requires: weighted_lexemes, file_name, split_words, quote_lexeme, document_values

create or replace function catalog.search_vector(key text, content_type text, metadata jsonb, tags jsonb)
returns tsvector
language sql immutable parallel safe
return
  catalog.weighted_lexemes(key, 'A')
  || case
    when key collate "pg_c_utf8" ~ '[[:alnum:]][^/]*/*$' or catalog.file_name(key) = '' then ''::tsvector
    when catalog.split_words(catalog.file_name(key)) <> '' then ''::tsvector
    else (catalog.quote_lexeme(catalog.file_name(key)) || ':1A')::tsvector
  end
  || case when content_type is null then ''::tsvector else catalog.weighted_lexemes(content_type, 'B') end
  || case
    when metadata = '{}' and tags = '{}' then ''::tsvector
    else catalog.weighted_lexemes(catalog.document_values(tags) || ' ' || catalog.document_values(metadata), 'C')
  end;

comment on function catalog.search_vector is
  'What a search matches: key with weight A, content type B, values of tags and metadata C; 16,000 characters of '
  'each at most.';

revoke execute on function catalog.search_vector from public;
