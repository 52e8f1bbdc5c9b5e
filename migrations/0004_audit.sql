-- Who did what. Partitioned by month, so that retention drops partitions; append-only
-- (functions/audit/refuse_audit_change.sql).

create table catalog.storage_audit (
  id bigint generated always as identity,
  occurred_at timestamptz not null default now(),
  user_id text,
  user_name text,
  action text not null check (action ~ '^[A-Z][A-Z_]{0,63}$'),
  bucket text collate "C",
  key text collate "C",
  version_id text collate "C",
  ip_address text,
  user_agent text,
  success boolean not null default true,
  error_message text,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  event_id text collate "C",
  constraint storage_audit_once unique (event_id, occurred_at)
) partition by range (occurred_at);

comment on table catalog.storage_audit is
  'Who did what, when, from where, with what result. Partitioned by month (UTC); append-only.';
comment on column catalog.storage_audit.id is 'Order of insertion.';
comment on column catalog.storage_audit.occurred_at is 'When it happened: the time of the S3 event, or of the request.';
comment on column catalog.storage_audit.user_id is 'Who: principal id of an S3 event, ARN or subject of an API caller.';
comment on column catalog.storage_audit.user_name is 'Who, in a form that people read.';
comment on column catalog.storage_audit.action is 'What: UPLOAD, DOWNLOAD, DELETE, ...';
comment on column catalog.storage_audit.bucket is 'Bucket of the object, if any.';
comment on column catalog.storage_audit.key is 'Key of the object, if any.';
comment on column catalog.storage_audit.version_id is 'Version that was created, read or deleted.';
comment on column catalog.storage_audit.ip_address is 'IP address of the caller, as the source reports it.';
comment on column catalog.storage_audit.user_agent is 'User agent of the caller, as the source reports it.';
comment on column catalog.storage_audit.success is 'Whether it succeeded.';
comment on column catalog.storage_audit.error_message is 'Why it failed.';
comment on column catalog.storage_audit.metadata is
  'What else is known, such as the name of the S3 event and its request id.';
comment on column catalog.storage_audit.event_id is
  'Identity of the S3 event behind this entry, so that an event delivered twice is one entry. Null for entries of '
  'API callers.';

create index storage_audit_key on catalog.storage_audit (bucket, key, occurred_at, id);
create index storage_audit_user on catalog.storage_audit (user_id, occurred_at, id);
create index storage_audit_occurred_at on catalog.storage_audit using brin (occurred_at);

grant select, insert on catalog.storage_audit to catalog_api;

-- Only the owner of a table can detach a partition concurrently, and a function cannot do it for others, so the pruner
-- owns the trail. To become the owner a role needs the right to create tables in the schema; the pruner has it for this
-- moment only.
grant create on schema catalog to catalog_pruner;
alter table catalog.storage_audit owner to catalog_pruner;
revoke create on schema catalog from catalog_pruner;
