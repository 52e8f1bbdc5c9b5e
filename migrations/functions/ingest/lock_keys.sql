-- Writers of one key take turns. A lock is a row, so that it takes no shared memory: an advisory lock for each key of a
-- batch exhausts `max_locks_per_transaction` (seen with 20,000 keys, and with 60 connections of 10,000). The rows are
-- locked in ascending order, so that writers cannot deadlock: a transaction must lock all of its keys in one call. Two
-- keys with the same hash only wait for each other.
create or replace function catalog.lock_keys(buckets text[], keys text[]) returns void
language plpgsql
as $$
begin
  -- Inserts the rows that are missing and locks the others; `where false` updates none of them.
  insert into catalog.key_locks (key_hash)
  select distinct (hashtextextended(k.bucket || '/' || k.key, 0) & 268435455)::integer
  from unnest(buckets, keys) as k (bucket, key)
  order by 1
  on conflict (key_hash) do update
  set key_hash = excluded.key_hash
  where false;
end
$$;

comment on function catalog.lock_keys is
  'Waits for the transactions that write one of these keys (pairs of bucket and key), and keeps others waiting until '
  'this one ends. Statements that follow see what those transactions wrote.';

revoke execute on function catalog.lock_keys from public;
