-- Comparisons of a bucket with the catalog: their progress, who works on them, and what they found.

create table catalog.storage_reconciles (
  id bigint generated always as identity primary key,
  bucket text not null check (bucket <> ''),
  prefix text collate "C" not null default '',
  is_dry_run boolean not null default false,
  checkpoint text collate "C",
  findings jsonb not null default '{}' check (jsonb_typeof(findings) = 'object'),
  started_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  lease uuid,
  leased_until timestamptz,
  constraint storage_reconciles_lease_check
    check ((lease is null) = (leased_until is null) and (lease is null or finished_at is null))
);

comment on table catalog.storage_reconciles is 'Each comparison of a bucket, or of a prefix of it, with the catalog.';
comment on column catalog.storage_reconciles.id is 'Order in which they were started.';
comment on column catalog.storage_reconciles.bucket is 'Bucket that is compared.';
comment on column catalog.storage_reconciles.prefix is 'Only keys with this prefix are compared.';
comment on column catalog.storage_reconciles.is_dry_run is 'Whether differences are only counted, not repaired.';
comment on column catalog.storage_reconciles.checkpoint is
  'All keys up to and including this one are done. A run that was stopped continues after it.';
comment on column catalog.storage_reconciles.findings is 'What was compared, requested, found and repaired so far, by name.';
comment on column catalog.storage_reconciles.started_at is 'When the run was started.';
comment on column catalog.storage_reconciles.updated_at is 'When the checkpoint was written.';
comment on column catalog.storage_reconciles.finished_at is 'When the last key was done; null while the run is unfinished.';
comment on column catalog.storage_reconciles.lease is
  'Who works on the run: only the holder writes checkpoints. Null while nobody does.';
comment on column catalog.storage_reconciles.leased_until is
  'When the lease expires unless the holder renews it. Then another process may take over.';

-- One unfinished run per scope; a second request continues it.
create unique index storage_reconciles_open on catalog.storage_reconciles (bucket, prefix, is_dry_run)
  where finished_at is null;
create index storage_reconciles_started on catalog.storage_reconciles (started_at desc, id desc);

grant select, insert, update on catalog.storage_reconciles to catalog_reconciler;
