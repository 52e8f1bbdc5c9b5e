-- The one way into objects and versions. docs/architecture.md, "How the index converges", explains it. Acts as the
-- owner of the schema, so that nobody else needs to write the tables.
--
-- Rows are found by key with `lateral (... limit 1)` and by nested loops over indexes, whatever the planner believes:
-- its plans are kept for the life of a connection, and one made while the tables were small would go on reading them
-- whole when they are large. With enable_material it would keep all versions of a bucket and compare each with each.
create or replace function catalog.apply_observations(as_of timestamptz, batches jsonb)
returns table (bucket text, undecided_key text)
language plpgsql
security definer
set search_path = catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set jit = off
as $$
declare
  batch record;
begin
  perform catalog.lock_keys(array_agg(b.bucket), array_agg(named.key))
  from jsonb_to_recordset(batches) as b (bucket text, observed jsonb, confirmed jsonb)
  cross join jsonb_to_recordset(b.observed || b.confirmed) as named (key text);
  as_of := coalesce(as_of, clock_timestamp());

  for batch in
    select b.*
    from jsonb_to_recordset(batches) as b (bucket text, observed jsonb, confirmed jsonb, audited jsonb)
    order by b.bucket collate "C"
  loop
    return query
    select batch.bucket, key
    from unnest(catalog.apply_to_bucket(batch.bucket, as_of, batch.observed, batch.confirmed)) as key;
    perform catalog.add_event_audit(batch.bucket, batch.audited);
  end loop;
end
$$;

comment on function catalog.apply_observations is
  'Writes what was observed of several buckets in one transaction. batches is an array of {bucket, observed, '
  'confirmed, audited}: observations, latest versions that the backend confirmed ({key, version_id}; null: the key '
  'has none), and audit entries of events. as_of is the database time from before the backend was asked; null for '
  'callers that are the authority, whose write is stamped when it has its locks. Returns the keys whose latest '
  'version is undecided: ask the backend, and apply its response.';

revoke execute on function catalog.apply_observations from public;
grant execute on function catalog.apply_observations to catalog_indexer, catalog_api, catalog_reconciler;
