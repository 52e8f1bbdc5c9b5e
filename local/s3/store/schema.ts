/** The tables of the store. Keys are blobs so that SQLite orders them by bytes as S3 does; times are milliseconds since 1970. */
export const schema = `
  create table if not exists bucket (
    name text primary key,
    region text not null,
    versioning text not null default '' check (versioning in ('', 'Enabled', 'Suspended')),
    created_at integer not null
  ) strict;

  -- JSON by name: CORS rules, tags
  create table if not exists bucket_setting (
    bucket text not null references bucket on delete cascade,
    name text not null,
    value text not null,
    primary key (bucket, name)
  ) strict, without rowid;

  -- sequence ranks the versions of a key: the highest is the latest. JSON columns are returned to the client unchanged.
  create table if not exists version (
    id integer primary key,
    bucket text not null references bucket,
    key blob not null,
    version_id text not null,
    sequence integer not null,
    is_latest integer not null,
    is_delete_marker integer not null,
    size integer not null,
    etag text not null,
    last_modified integer not null,
    storage_class text not null,
    headers text not null,
    metadata text not null,
    tags text not null,
    checksum text,
    restore text,
    part_count integer,
    unique (bucket, key, version_id)
  ) strict;
  create unique index if not exists version_by_rank on version (bucket, key, sequence desc);
  create unique index if not exists version_latest on version (bucket, key) where is_latest = 1;
  create index if not exists version_restore on version (id) where restore is not null;

  -- where the bytes of a version are stored; parts of a multipart object keep their number, etag and checksum
  create table if not exists segment (
    version integer not null references version on delete cascade,
    number integer not null,
    body text not null,
    start integer not null,
    size integer not null,
    etag text not null,
    checksum text,
    primary key (version, number)
  ) strict, without rowid;
  create index if not exists segment_by_body on segment (body);

  -- superseded_at is the sequence of the last removal of the key's null version since the upload began
  create table if not exists upload (
    id integer primary key,
    upload_id text not null unique,
    bucket text not null references bucket,
    key blob not null,
    sequence integer not null,
    initiated_at integer not null,
    principal_id text not null,
    storage_class text not null,
    headers text not null,
    metadata text not null,
    tags text not null,
    checksum_algorithm text,
    checksum_type text,
    superseded_at integer
  ) strict;
  create index if not exists upload_by_key on upload (bucket, key, sequence);

  create table if not exists part (
    upload integer not null references upload on delete cascade,
    number integer not null,
    body text not null,
    start integer not null,
    size integer not null,
    etag text not null,
    checksum text,
    uploaded_at integer not null,
    primary key (upload, number)
  ) strict, without rowid;
  create index if not exists part_by_body on part (body);

  -- the results of completed uploads, for clients that retry because they did not get the response
  create table if not exists completed_upload (
    upload_id text primary key,
    bucket text not null references bucket on delete cascade,
    key blob not null,
    version_id text not null,
    etag text not null,
    checksum text,
    completed_at integer not null
  ) strict, without rowid`
