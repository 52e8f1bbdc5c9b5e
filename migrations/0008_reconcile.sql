-- Comparisons of a bucket with the catalog: where they are, who is at them, and what they found.

create table storage_reconciles (
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
  constraint storage_reconciles_lease_check check ((lease is null) = (leased_until is null) and (lease is null or finished_at is null))
);

comment on table storage_reconciles is 'Each comparison of a bucket, or of a prefix of it, with the catalog.';
comment on column storage_reconciles.id is 'Order in which they were started.';
comment on column storage_reconciles.bucket is 'Bucket that is compared.';
comment on column storage_reconciles.prefix is 'Only keys that begin so.';
comment on column storage_reconciles.is_dry_run is 'Whether differences are only counted, not repaired.';
comment on column storage_reconciles.checkpoint is 'All keys up to this one are done; a run that was stopped goes on behind it.';
comment on column storage_reconciles.findings is 'What was compared, asked, found and repaired so far, by name.';
comment on column storage_reconciles.started_at is 'When it was started.';
comment on column storage_reconciles.updated_at is 'When the checkpoint was written.';
comment on column storage_reconciles.finished_at is 'When the last key was done; null while there is more.';
comment on column storage_reconciles.lease is 'Who is at work on it: only the holder writes checkpoints. Null while nobody is.';
comment on column storage_reconciles.leased_until is 'When the holder is taken for dead unless it has renewed its lease; then another may go on.';

-- One comparison of a scope at a time: those that are not finished are gone on with.
create unique index storage_reconciles_open on storage_reconciles (bucket, prefix, is_dry_run) where finished_at is null;
create index storage_reconciles_started on storage_reconciles (started_at desc, id desc);
