create or replace function catalog.search_matches(
  query tsquery, in_bucket text, key_prefix text, backend text, type text, contained jsonb,
  mode text, below bigint, down_to bigint,
  out matches catalog.search_match[], out chosen_mode text, out read_below bigint, out rest_below bigint
)
language plpgsql
-- Compiling would cost more than the search.
set jit = off
as $$
declare
  -- With up to so many matches by the planner's estimate all are ranked; with up to five times as many when the
  -- estimate was wrong, and twenty-five times when a list that began in this mode continues.
  few constant integer := 4000;
  most constant integer := few * case when mode is null then 5 else 25 end;
  block constant integer := 1000;
  condition text := concat_ws(' and ',
    'o.search_vector @@ $1',
    case when in_bucket is not null then 'o.bucket = $2' end,
    case when key_prefix is not null then 'o.key ^@ $3' end,
    case when backend is not null then 'o.storage_backend = $4' end,
    case
      when type like '%/*' then 'o.content_type ^@ rtrim($5, ''*'')'
      when type is not null then 'o.content_type = $5'
    end,
    (
      select string_agg('(' || alternatives || ')', ' and ')
      from generate_series(0, jsonb_array_length(contained) - 1) as n, lateral (
        select string_agg(format('o.metadata @> ($6 -> %s -> %s)', n, k), ' or ') as alternatives
        from generate_series(0, jsonb_array_length(contained -> n) - 1) as k
      ) as pair
    ));
  estimate numeric;
  plan json;
  reads_rows boolean;
begin
  if numnode(query) = 0 then
    chosen_mode := 'all';
    return;
  end if;

  if mode is null or (mode = 'newest' and down_to is null) then
    execute 'explain (format json) select from catalog.storage_objects o where ' || condition
      into plan
      using query, in_bucket, key_prefix, backend, type, contained;
    estimate := (plan #>> '{0,Plan,Plan Rows}')::numeric;
    mode := coalesce(mode, case when estimate <= few then 'all' else 'newest' end);
  end if;

  if mode = 'all' then
    execute 'select array_agg(m.match) from ('
      || 'select (o.id, ts_rank(o.search_vector, $1), o.last_modified)::catalog.search_match as match'
      || ' from catalog.storage_objects o where ' || condition || ' limit $7) as m'
      into matches
      using query, in_bucket, key_prefix, backend, type, contained, most + 1;
    if coalesce(cardinality(matches), 0) <= most then
      chosen_mode := 'all';
      return;
    end if;
  end if;

  -- For a query of negations GIN reads all of its entries, for a prefix all posting lists of it, for each block again.
  -- Then, and where the block is known and small, the rows themselves are read. Not for every common word: it may be
  -- common in old rows only.
  reads_rows := querytree(query) in ('', 'T')
    or (
      query::text like '%:*%'
      and estimate * 16 >= (select reltuples from pg_class where oid = 'catalog.storage_objects'::regclass)
    )
    or below - down_to <= 4 * block;
  chosen_mode := 'newest';
  execute 'select array_agg('
    || '(c.id, ts_rank(c.search_vector, $1), c.last_modified)::catalog.search_match order by c.id desc) from ('
    || 'select o.* from (select generate_series(($7 - 1) >> 13, $8 >> 13, -1) as n) as b, '
    || 'lateral (select o.id, o.search_vector, o.last_modified from catalog.storage_objects o where '
    || case when reads_rows then 'o.id >= b.n << 13 and o.id < (b.n + 1) << 13' else '(o.id >> 13) = b.n' end
    || ' and ' || condition || ' and o.id < $7 and o.id >= $8 order by o.id desc) as o limit $9) as c'
    into matches
    using query, in_bucket, key_prefix, backend, type, contained,
      least(below, (select max(id) + 1 from catalog.storage_objects)),
      greatest(down_to, (select min(id) from catalog.storage_objects)), block + 1;
  read_below := coalesce(below, (matches[1]).id + 1);
  if cardinality(matches) > block then
    rest_below := (matches[block]).id;
    matches := matches[:block];
  elsif down_to is not null then
    rest_below := down_to;
  end if;
end
$$;

comment on function catalog.search_matches is
  'The matches of a search with their ranks. Mode all: every match. Mode newest, when too many match to rank all: a '
  'block of 1,000 by id from the newest down (ids less than below, and at least down_to). read_below is its upper '
  'bound, rest_below where the next block begins, null at the end. A null mode is chosen by the planner''s estimate. '
  'contained is an array of arrays: of each of them metadata must contain one document.';

revoke execute on function catalog.search_matches from public;
grant execute on function catalog.search_matches to catalog_api;
