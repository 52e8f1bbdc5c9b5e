-- The current objects, and the index that searches them.
--
-- Buckets, keys and version ids have collation "C" in every table: they are compared by bytes, and a comparison in
-- another collation than that of an index does not use it (seen in a function with one parameter of each collation).

create table catalog.storage_objects (
  id bigint generated always as identity primary key,
  bucket text collate "C" not null check (bucket <> ''),
  key text collate "C" not null check (octet_length(key) <= 2048),
  version_id text collate "C" not null default 'null',
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

comment on table catalog.storage_objects is
  'The current objects: one row per bucket and key whose latest version is not a delete marker.';
comment on column catalog.storage_objects.id is 'Order in which the catalog first saw the keys.';
comment on column catalog.storage_objects.bucket is 'Bucket name, or the name of a container of another backend.';
comment on column catalog.storage_objects.key is
  'Object key, compared by bytes as S3 does. U+0000 is stored escaped (docs/schema.md).';
comment on column catalog.storage_objects.version_id is
  'Version id of the latest version; ''null'' where the bucket has no version ids.';
comment on column catalog.storage_objects.size is 'Bytes.';
comment on column catalog.storage_objects.content_type is 'Content-Type that a GET returns.';
comment on column catalog.storage_objects.etag is 'Entity tag without quotes; not an MD5 for a multipart object.';
comment on column catalog.storage_objects.last_modified is
  'Last-Modified of the latest version, as the backend reports it.';
comment on column catalog.storage_objects.storage_backend is 'Where the bytes are: s3, local, ...';
comment on column catalog.storage_objects.storage_class is 'S3 storage class; STANDARD where S3 leaves it out.';
comment on column catalog.storage_objects.metadata is 'User metadata. For S3: names in lower case, values as text.';
comment on column catalog.storage_objects.tags is 'Object tags, name to value.';
comment on column catalog.storage_objects.created_at is 'When the key first came into the catalog.';
comment on column catalog.storage_objects.search_vector is
  'Lexemes of key (weight A), content type (B), metadata values and tags (C); kept by a trigger.';

create index storage_objects_backend on catalog.storage_objects (storage_backend, bucket, key);
create index storage_objects_last_modified on catalog.storage_objects (last_modified desc, id desc);
create index storage_objects_metadata on catalog.storage_objects using gin (metadata jsonb_path_ops)
  with (gin_pending_list_limit = 256);

-- An extension is installed once per database. Where another application has installed it, that one serves.
create extension if not exists btree_gin schema catalog;

-- The block of 8,192 ids comes first, so that the matches of a common word can be read newest block first: GIN skips
-- through the long posting list of the word by the short one of the block.
create index storage_objects_search on catalog.storage_objects using gin ((id >> 13), search_vector)
  with (gin_pending_list_limit = 256);

grant select on catalog.storage_objects to catalog_api;

create type catalog.search_match as (
  id bigint,
  rank real,
  last_modified timestamptz
);

comment on type catalog.search_match is
  'An object that matches a search, with what orders it: rank descending, then newest, then highest id.';
