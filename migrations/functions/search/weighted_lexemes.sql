create or replace function catalog.weighted_lexemes(input text, weight text) returns tsvector
language plpgsql immutable parallel safe strict
as $$
declare
  split text collate "C" := catalog.split_words(input);
  spelling text collate "C";
  placed tsvector;
  result tsvector := '';
begin
  if split = '' then
    return '';
  end if;
  foreach spelling in array catalog.spellings(split) loop
    -- A tsvector refuses lexemes of 2 kB. Positions begin at 2, so that no phrase leads from one spelling into the
    -- next.
    placed := (
      select string_agg(left(word, 500) || ':' || n + 1 || weight, ' ')::tsvector
      from string_to_table(spelling, ' ') with ordinality as t (word, n)
    );
    -- What a finer spelling has placed is repeated for phrases only: with weight D it adds next to nothing to a rank.
    result := case
      when result = '' then placed
      else result || setweight(placed, 'D', tsvector_to_array(result))
    end;
  end loop;
  return result;
end
$$;

comment on function catalog.weighted_lexemes is
  'Words of a text at each granularity, all with one weight, with positions so that phrases hold within one '
  'granularity.';

revoke execute on function catalog.weighted_lexemes from public;
