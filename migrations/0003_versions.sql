-- Every version and delete marker, what is known to be deleted, and the types that describe what was observed of a
-- bucket.

create table catalog.storage_versions (
  bucket text collate "C" not null check (bucket <> ''),
  key text collate "C" not null check (octet_length(key) <= 2048),
  version_id text collate "C" not null default 'null',
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
  claimed_by text,
  comment text,
  created_at timestamptz not null default now(),
  sequencer text collate "C" not null default '',
  observed_at timestamptz not null default '-infinity',
  latest_at timestamptz not null default '-infinity',
  primary key (bucket, key, version_id),
  constraint storage_versions_marker_has_no_size check (is_delete_marker = (size is null)),
  -- A unique index would be checked row by row, so that a statement which moves the flag would depend on the order in
  -- which its plan visits the rows. A deferrable constraint is checked at the end of the statement.
  constraint storage_versions_latest exclude using btree (bucket with =, key with =) where (is_latest)
    deferrable initially immediate
);

comment on table catalog.storage_versions is
  'Every version and delete marker that exists. The latest one of each key is flagged.';
comment on column catalog.storage_versions.bucket is 'Bucket name, or the name of a container of another backend.';
comment on column catalog.storage_versions.key is 'Object key, compared by bytes as S3 does.';
comment on column catalog.storage_versions.version_id is
  'Version id; ''null'' for the version that an unversioned or suspended bucket overwrites in place.';
comment on column catalog.storage_versions.is_latest is
  'Whether a GET without a version id returns this version. At most one per bucket and key.';
comment on column catalog.storage_versions.is_delete_marker is
  'Whether this is a delete marker: it has no bytes, and hides the key while it is the latest version.';
comment on column catalog.storage_versions.size is 'Bytes; null for a delete marker.';
comment on column catalog.storage_versions.etag is 'Entity tag without quotes; not an MD5 for a multipart object.';
comment on column catalog.storage_versions.content_type is 'Content-Type that a GET of this version returns.';
comment on column catalog.storage_versions.last_modified is 'Last-Modified of this version, as the backend reports it.';
comment on column catalog.storage_versions.storage_backend is 'Where the bytes are: s3, local, ...';
comment on column catalog.storage_versions.storage_class is 'S3 storage class.';
comment on column catalog.storage_versions.metadata is 'User metadata of this version.';
comment on column catalog.storage_versions.tags is 'Tags of this version, name to value.';
comment on column catalog.storage_versions.created_by is
  'Who made this version: the principal of its event, or what the caller gave.';
comment on column catalog.storage_versions.claimed_by is
  'The caller of the API who gave or cleared created_by, which nobody has verified. Null where created_by is the '
  'principal of the event.';
comment on column catalog.storage_versions.comment is 'What a user wrote about this version. Events do not change it.';
comment on column catalog.storage_versions.created_at is 'When the version came into the catalog.';
comment on column catalog.storage_versions.sequencer is
  'Sequencer of the event that made the version, padded to compare as text; empty when unknown or not usable.';
comment on column catalog.storage_versions.observed_at is
  'Database time just before the backend was asked for these details. The later one of two observations is kept. '
  '-infinity: known from an event alone.';
comment on column catalog.storage_versions.latest_at is
  'Database time as of which this version is known to be the latest.';

create index storage_versions_history on catalog.storage_versions
  (bucket, key, is_latest, last_modified, sequencer, version_id);

grant select on catalog.storage_versions to catalog_api, catalog_reconciler;
-- An event that does not name its version makes the indexer compare the versions of its key with a listing.
grant select (
  bucket, key, version_id, is_latest, is_delete_marker, size, etag, storage_backend, storage_class, last_modified,
  observed_at
) on catalog.storage_versions to catalog_indexer;

create table catalog.storage_tombstones (
  bucket text collate "C" not null,
  key text collate "C" not null,
  version_id text collate "C" not null,
  observed_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (bucket, key, version_id)
);

comment on table catalog.storage_tombstones is
  'Versions known to be deleted, so that a late event of their creation does not restore them.';
comment on column catalog.storage_tombstones.bucket is 'Bucket name.';
comment on column catalog.storage_tombstones.key is 'Object key.';
comment on column catalog.storage_tombstones.version_id is 'Version id that was deleted.';
comment on column catalog.storage_tombstones.observed_at is
  'Database time as of which the version is gone. Only a later response of the backend brings it back.';
comment on column catalog.storage_tombstones.created_at is
  'When the tombstone was written. The pruner deletes it when no event can be that late.';

create index storage_tombstones_created_at on catalog.storage_tombstones using brin (created_at);

-- Locking rows needs the right to update a column.
grant select, delete, update (created_at) on catalog.storage_tombstones to catalog_pruner;

create table catalog.key_locks (
  key_hash integer primary key
);

comment on table catalog.key_locks is
  'Rows that are locked for writing keys (functions/ingest/lock_keys.sql), inserted when a key is first written and '
  'never deleted.';
comment on column catalog.key_locks.key_hash is
  'Hash of bucket and key, modulo 268,435,456. Nearly one row per key, 60 bytes with the index.';

create type catalog.observation as (
  key text collate "C",
  version_id text collate "C",
  state text,
  is_verified boolean,
  claims_latest boolean,
  size bigint,
  etag text,
  content_type text,
  last_modified timestamptz,
  storage_backend text,
  storage_class text,
  metadata jsonb,
  tags jsonb,
  created_by text,
  claimed_by text,
  comment text,
  sequencer text collate "C"
);

comment on type catalog.observation is
  'What was observed of one version. state: present, marker or gone. is_verified: the backend itself was asked; '
  'false where only an event was read. claims_latest: an event says that the version was just created, so that it is '
  'the latest unless a later one is known.';

create type catalog.latest_decision as (
  key text collate "C",
  current_id text collate "C",
  latest_id text collate "C",
  is_stated boolean,
  is_decided boolean,
  gone_ids text[],
  observed catalog.observation[]
);

comment on type catalog.latest_decision is
  'Which version of a key was the latest and which is now (null: none); whether the batch itself states this; '
  'whether it is decided, or the backend must be asked; which versions are gone, and what was observed of the '
  'others.';
