-- The current objects, every version behind them, and what is known to be gone.

create table storage_objects (
  id bigint generated always as identity primary key,
  bucket text not null check (bucket <> ''),
  key text collate "C" not null check (octet_length(key) <= 2048),
  version_id text not null default 'null',
  size bigint not null check (size >= 0),
  content_type text,
  etag text,
  last_modified timestamptz not null,
  storage_backend text not null default 's3' check (storage_backend ~ '^[a-z0-9_-]{1,64}$'),
  storage_class text not null default 'STANDARD',
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  created_at timestamptz not null default now(),
  search_vector tsvector not null default '',
  constraint storage_objects_key unique (bucket, key)
) with (fillfactor = 80);

comment on table storage_objects is 'What is in the buckets now: one row per bucket and key whose latest version is no delete marker.';
comment on column storage_objects.id is 'Order in which the catalog first saw the keys.';
comment on column storage_objects.bucket is 'Bucket name, or the name of a container of another backend.';
comment on column storage_objects.key is 'Object key, compared by bytes as S3 does. A NUL is stored escaped (docs/schema.md).';
comment on column storage_objects.version_id is 'Version id of the latest version; ''null'' where the bucket gives none.';
comment on column storage_objects.size is 'Bytes.';
comment on column storage_objects.content_type is 'Content-Type that a GET answers.';
comment on column storage_objects.etag is 'Entity tag without quotes; for a multipart object not an MD5.';
comment on column storage_objects.last_modified is 'Last-Modified of the latest version as the backend tells it.';
comment on column storage_objects.storage_backend is 'Where the bytes are: s3, local, ...';
comment on column storage_objects.storage_class is 'S3 storage class, STANDARD where a listing would leave it out.';
comment on column storage_objects.metadata is 'User metadata: names in lower case, values as text for S3.';
comment on column storage_objects.tags is 'Object tags, name to value.';
comment on column storage_objects.created_at is 'When the key first came into the catalog.';
comment on column storage_objects.search_vector is 'Lexemes of key (weight A), content type (B), metadata values and tags (C); kept by a trigger.';

create index storage_objects_backend on storage_objects (storage_backend, bucket, key);
create index storage_objects_last_modified on storage_objects (last_modified desc, id desc);
create index storage_objects_metadata on storage_objects using gin (metadata jsonb_path_ops)
  with (gin_pending_list_limit = 256);

create table storage_versions (
  bucket text not null check (bucket <> ''),
  key text collate "C" not null check (octet_length(key) <= 2048),
  version_id text not null default 'null',
  is_latest boolean not null default false,
  is_delete_marker boolean not null default false,
  size bigint check (size >= 0),
  etag text,
  content_type text,
  last_modified timestamptz not null,
  storage_backend text not null default 's3' check (storage_backend ~ '^[a-z0-9_-]{1,64}$'),
  storage_class text not null default 'STANDARD',
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
  created_by text,
  comment text,
  created_at timestamptz not null default now(),
  sequencer text collate "C" not null default '',
  observed_at timestamptz not null default '-infinity',
  latest_at timestamptz not null default '-infinity',
  primary key (bucket, key, version_id),
  constraint storage_versions_marker_has_no_size check (is_delete_marker = (size is null))
);

comment on table storage_versions is 'Every version and delete marker that exists, the latest one flagged.';
comment on column storage_versions.bucket is 'Bucket name, or the name of a container of another backend.';
comment on column storage_versions.key is 'Object key, compared by bytes as S3 does.';
comment on column storage_versions.version_id is 'Version id; ''null'' for the version that an unversioned or suspended bucket overwrites in place.';
comment on column storage_versions.is_latest is 'Whether a GET without a version id answers this version. At most one per bucket and key.';
comment on column storage_versions.is_delete_marker is 'A delete marker has no bytes; as the latest version it hides the key.';
comment on column storage_versions.size is 'Bytes; null for a delete marker.';
comment on column storage_versions.etag is 'Entity tag without quotes; for a multipart object not an MD5.';
comment on column storage_versions.content_type is 'Content-Type that a GET of this version answers.';
comment on column storage_versions.last_modified is 'Last-Modified of this version as the backend tells it.';
comment on column storage_versions.storage_backend is 'Where the bytes are: s3, local, ...';
comment on column storage_versions.storage_class is 'S3 storage class.';
comment on column storage_versions.metadata is 'User metadata of this version.';
comment on column storage_versions.tags is 'Tags of this version, name to value.';
comment on column storage_versions.created_by is 'Who made this version: the principal of its event, or what the caller gave.';
comment on column storage_versions.comment is 'What people say of this version; no event changes it.';
comment on column storage_versions.created_at is 'When the version came into the catalog.';
comment on column storage_versions.sequencer is 'Sequencer of the event that made the version, normalised to compare as text; empty when unknown or not to be believed.';
comment on column storage_versions.observed_at is 'Just before the backend was asked for these details; of two answers the one asked for later is kept. -infinity: known from an event alone.';
comment on column storage_versions.latest_at is 'As of when this version is known to be the latest.';

create unique index storage_versions_latest on storage_versions (bucket, key) where is_latest;
create index storage_versions_history on storage_versions (bucket, key, is_latest, last_modified, sequencer, version_id);

create table storage_tombstones (
  bucket text not null,
  key text collate "C" not null,
  version_id text not null,
  observed_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (bucket, key, version_id)
);

comment on table storage_tombstones is 'Versions known to be gone, so that a late event of their creation does not bring them back.';
comment on column storage_tombstones.bucket is 'Bucket name.';
comment on column storage_tombstones.key is 'Object key.';
comment on column storage_tombstones.version_id is 'Version id that was deleted.';
comment on column storage_tombstones.observed_at is 'As of when the version is gone: infinity for a real version id, which never comes back; a time for ''null'', which may.';
comment on column storage_tombstones.created_at is 'When the tombstone was set; the pruner removes it when no event can be that late.';

create index storage_tombstones_created_at on storage_tombstones using brin (created_at);

create table storage_hooks (
  id bigint generated always as identity primary key,
  hook_name text not null check (hook_name <> ''),
  event_type text not null check (event_type <> ''),
  bucket text,
  key text collate "C",
  execution_time_ms double precision not null check (execution_time_ms >= 0),
  success boolean not null,
  error text,
  payload jsonb,
  response jsonb,
  executed_at timestamptz not null default now()
);

comment on table storage_hooks is 'Each execution of a hook.';
comment on column storage_hooks.id is 'Order of insertion.';
comment on column storage_hooks.hook_name is 'Name of the hook that ran.';
comment on column storage_hooks.event_type is 'What it ran for, such as ObjectCreated:Put.';
comment on column storage_hooks.bucket is 'Bucket of the object it ran for.';
comment on column storage_hooks.key is 'Key of the object it ran for.';
comment on column storage_hooks.execution_time_ms is 'How long it ran, in milliseconds.';
comment on column storage_hooks.success is 'Whether it succeeded.';
comment on column storage_hooks.error is 'Why it failed.';
comment on column storage_hooks.payload is 'What the hook was given.';
comment on column storage_hooks.response is 'What the hook answered.';
comment on column storage_hooks.executed_at is 'When it ran.';

create index storage_hooks_name on storage_hooks (hook_name, executed_at desc, id desc);
