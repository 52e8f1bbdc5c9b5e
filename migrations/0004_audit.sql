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
  source text not null default 'posted' check (source in ('event', 'api', 'posted')),
  claimed jsonb check (jsonb_typeof(claimed) = 'object'),
  recorded_at timestamptz not null default now(),
  constraint storage_audit_once unique (event_id, occurred_at),
  constraint storage_audit_event_has_id check ((source = 'event') = (event_id is not null)),
  constraint storage_audit_claim_is_posted check (claimed is null or source = 'posted')
) partition by range (occurred_at);

comment on table catalog.storage_audit is
  'Who did what, when, from where, with what result. Partitioned by month (UTC); append-only.';
comment on column catalog.storage_audit.id is 'Order of insertion.';
comment on column catalog.storage_audit.occurred_at is 'When it happened: the time of the S3 event, or of the request.';
comment on column catalog.storage_audit.user_id is
  'Who: the principal id of an S3 event, or the ARN or subject of the API caller, as the API itself knows them.';
comment on column catalog.storage_audit.user_name is 'Who, in a form that people read.';
comment on column catalog.storage_audit.action is 'What: UPLOAD, DOWNLOAD, DELETE, ...';
comment on column catalog.storage_audit.bucket is 'Bucket of the object, if any.';
comment on column catalog.storage_audit.key is 'Key of the object, if any.';
comment on column catalog.storage_audit.version_id is 'Version that was created, read or deleted.';
comment on column catalog.storage_audit.ip_address is 'IP address of user_id, as S3 or API Gateway reports it.';
comment on column catalog.storage_audit.user_agent is 'User agent of user_id, as API Gateway reports it.';
comment on column catalog.storage_audit.success is 'Whether it succeeded.';
comment on column catalog.storage_audit.error_message is 'Why it failed.';
comment on column catalog.storage_audit.metadata is
  'What else is known, such as the name of the S3 event and its request id.';
comment on column catalog.storage_audit.event_id is
  'Identity of the S3 event behind this entry, so that an event delivered twice is one entry. Null for all others.';
comment on column catalog.storage_audit.source is
  'Who reports it: event (S3), api (the API, about a request that it carried out), posted (a caller of POST /audit).';
comment on column catalog.storage_audit.claimed is
  'Of a posted entry: what the caller said about who did it (userId, userName, ipAddress, userAgent). Nobody has '
  'verified it; user_id is who posted it. Null when nothing was said.';
comment on column catalog.storage_audit.recorded_at is
  'When the entry was written. Of a posted entry, occurred_at is what the caller said.';

create index storage_audit_key on catalog.storage_audit (bucket, key, occurred_at, id);
create index storage_audit_user on catalog.storage_audit (user_id, occurred_at, id);
create index storage_audit_occurred_at on catalog.storage_audit using brin (occurred_at);

create index storage_audit_claimed on catalog.storage_audit ((claimed ->> 'userId'), occurred_at, id)
  where claimed is not null;

-- Without event_id, so that the API cannot write the entry of an event, and without recorded_at.
grant select,
  insert (
    occurred_at, user_id, user_name, action, bucket, key, version_id, ip_address, user_agent, success, error_message,
    metadata, source, claimed
  ) on catalog.storage_audit to catalog_api;

-- Only the owner of a table can detach a partition concurrently, and a function cannot do it for others, so the pruner
-- owns the trail. To become the owner a role needs the right to create tables in the schema; the pruner has it for this
-- moment only.
grant create on schema catalog to catalog_pruner;
alter table catalog.storage_audit owner to catalog_pruner;
revoke create on schema catalog from catalog_pruner;
