create or replace function catalog.spellings(split text) returns text[]
language sql immutable parallel safe strict
return case
  when position(E'\x1e' in split) > 0 and position(E'\x1f' in split) > 0 then array[
    translate(split, E'\x1e\x1f', '  '), translate(split, E'\x1f\x1e', ' '), translate(split, E'\x1e\x1f', '')]
  when position(E'\x1e' in split) > 0 or position(E'\x1f' in split) > 0 then array[
    translate(split, E'\x1e\x1f', '  '), translate(split, E'\x1e\x1f', '')]
  else array[split]
end;

comment on function catalog.spellings is
  'The words of a text from split_words at each granularity, the finest first: my i phone 14, my iphone 14, my '
  'iphone14.';

revoke execute on function catalog.spellings from public;
grant execute on function catalog.spellings to catalog_api;
