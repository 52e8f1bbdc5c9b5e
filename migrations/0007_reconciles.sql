-- Runs of the reconciler: what they do, their progress, who works on them, and what they found.

create table catalog.storage_reconciles (
  id bigint generated always as identity primary key,
  kind text not null default 'reconcile' check (kind in ('reconcile', 'digest', 'preview', 'inventory')),
  bucket text collate "C" not null check (bucket <> ''),
  prefix text collate "C" not null default '',
  is_dry_run boolean not null default false,
  options jsonb not null default '{}' check (jsonb_typeof(options) = 'object'),
  checkpoint text collate "C",
  findings jsonb not null default '{}' check (jsonb_typeof(findings) = 'object'),
  result jsonb,
  error text,
  started_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  stop_requested_at timestamptz,
  finished_at timestamptz,
  lease uuid,
  leased_until timestamptz,
  constraint storage_reconciles_lease_check
    check ((lease is null) = (leased_until is null) and (lease is null or finished_at is null)),
  constraint storage_reconciles_dry_run_check check (kind = 'reconcile' or not is_dry_run)
);

comment on table catalog.storage_reconciles is
  'Each run of the reconciler: about one bucket, or the keys with a prefix in it.';
comment on column catalog.storage_reconciles.id is 'Order in which they were created.';
comment on column catalog.storage_reconciles.kind is
  'reconcile: compare and repair. digest: hash both sides. preview: estimate a backfill. inventory: backfill from a '
  'report.';
comment on column catalog.storage_reconciles.bucket is 'Bucket of the run.';
comment on column catalog.storage_reconciles.prefix is 'Only keys with this prefix.';
comment on column catalog.storage_reconciles.is_dry_run is 'Whether differences are only counted, not repaired.';
comment on column catalog.storage_reconciles.options is
  'What the caller chose: requestsPerSecond, sampleRate, graceSeconds, bucketDeleted, manifest (of an inventory).';
comment on column catalog.storage_reconciles.checkpoint is
  'All keys, or file:row of an inventory, up to and including this one are done. A stopped run continues after it.';
comment on column catalog.storage_reconciles.findings is
  'What was compared, requested, found and repaired so far, by name.';
comment on column catalog.storage_reconciles.result is
  'Result of a digest (partial until it is finished) or of a preview; null for other kinds.';
comment on column catalog.storage_reconciles.error is
  'Why the last attempt failed; null while a process works on the run, and after success.';
comment on column catalog.storage_reconciles.started_at is 'When the run was started.';
comment on column catalog.storage_reconciles.updated_at is 'When the checkpoint was written.';
comment on column catalog.storage_reconciles.stop_requested_at is
  'When a caller asked to stop the run; null again once it is continued.';
comment on column catalog.storage_reconciles.finished_at is 'When the run was complete; null while it is unfinished.';
comment on column catalog.storage_reconciles.lease is
  'Who works on the run: only the holder writes checkpoints. Null while nobody does.';
comment on column catalog.storage_reconciles.leased_until is
  'When the lease expires unless the holder renews it. Then another process may take over.';

-- One unfinished run per kind and scope; a second request continues it.
create unique index storage_reconciles_open on catalog.storage_reconciles (kind, bucket, prefix, is_dry_run)
  where finished_at is null;

create table catalog.storage_differences (
  run_id bigint not null references catalog.storage_reconciles on delete cascade,
  key text collate "C" not null,
  version_id text collate "C" not null,
  kind text collate "C" not null check (kind in ('missing', 'orphaned', 'stale', 'wrongLatest', 'wrongMetadata')),
  primary key (run_id, key, version_id, kind)
);

comment on table catalog.storage_differences is
  'What the runs of the reconciler found to differ, the first 10,000 of each run. Those of runs that finished more '
  'than 30 days ago are deleted when another run starts.';
comment on column catalog.storage_differences.run_id is 'Run that found it.';
comment on column catalog.storage_differences.key is 'Key that differs, in the bucket of the run.';
comment on column catalog.storage_differences.version_id is 'Version that differs.';
comment on column catalog.storage_differences.kind is
  'missing: not in the catalog. orphaned: not in the bucket. stale: size, entity tag, class or time differ. '
  'wrongLatest: another version is the latest. wrongMetadata: content type, metadata or tags differ.';

grant select, insert, delete on catalog.storage_differences to catalog_reconciler;
grant select on catalog.storage_differences to catalog_api;

grant select, insert, update on catalog.storage_reconciles to catalog_reconciler;
-- A backfill from a report skips versions that are known to be deleted.
grant select on catalog.storage_tombstones to catalog_reconciler;

-- The API creates, continues and stops runs. Working on them takes a lease, which it may not take.
grant select, insert on catalog.storage_reconciles to catalog_api;
grant update (options, checkpoint, findings, result, error, started_at, stop_requested_at)
  on catalog.storage_reconciles to catalog_api;
