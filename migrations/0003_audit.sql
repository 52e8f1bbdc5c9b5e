-- Who did what. Partitioned by month so that retention drops partitions, and append-only.

create table storage_audit (
  id bigint generated always as identity,
  occurred_at timestamptz not null default now(),
  user_id text,
  user_name text,
  action text not null check (action ~ '^[A-Z][A-Z_]{0,63}$'),
  bucket text,
  key text collate "C",
  version_id text,
  ip_address text,
  user_agent text,
  success boolean not null default true,
  error_message text,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  event_id text collate "C",
  constraint storage_audit_once unique (event_id, occurred_at)
) partition by range (occurred_at);

comment on table storage_audit is 'Who did what, when, from where, with what result. Partitioned by month (UTC); append-only.';
comment on column storage_audit.id is 'Order of insertion.';
comment on column storage_audit.occurred_at is 'When it happened: the time of the S3 event, or of the request.';
comment on column storage_audit.user_id is 'Who: principal id of an S3 event, ARN or subject of an API caller.';
comment on column storage_audit.user_name is 'Who, for people to read.';
comment on column storage_audit.action is 'What: UPLOAD, DOWNLOAD, DELETE, ...';
comment on column storage_audit.bucket is 'Bucket of the object, where there is one.';
comment on column storage_audit.key is 'Key of the object, where there is one.';
comment on column storage_audit.version_id is 'Version that was made, read or deleted.';
comment on column storage_audit.ip_address is 'From where, as the source told it.';
comment on column storage_audit.user_agent is 'With what, as the source told it.';
comment on column storage_audit.success is 'Whether it succeeded.';
comment on column storage_audit.error_message is 'Why it failed.';
comment on column storage_audit.metadata is 'What else is known, such as the S3 event and request id.';
comment on column storage_audit.event_id is 'Identity of the S3 event behind this entry: each is told once, however often it came. Null for entries of callers.';

create index storage_audit_key on storage_audit (bucket, key, occurred_at, id);
create index storage_audit_user on storage_audit (user_id, occurred_at, id);
create index storage_audit_occurred_at on storage_audit using brin (occurred_at);

create function ensure_audit_partitions(months_ahead integer) returns setof text
language plpgsql
as $$
declare
  month timestamp := date_trunc('month', now() at time zone 'utc');
  last timestamp := month + make_interval(months => months_ahead);
  name text;
begin
  while month <= last loop
    name := 'storage_audit_' || to_char(month, 'YYYY_MM');
    if to_regclass(name) is null then
      execute format('create table %I (like storage_audit including defaults including constraints)', name);
      execute format('alter table storage_audit attach partition %I for values from (%L) to (%L)',
        name, month at time zone 'utc', (month + interval '1 month') at time zone 'utc');
      return next name;
    end if;
    month := month + interval '1 month';
  end loop;
end
$$;

comment on function ensure_audit_partitions is 'Makes the partitions of this month and of the months ahead that are missing; answers their names. Attached, not created in place: that would lock out writers.';

-- What is older than the first month has a partition without a lower bound, so that a late event is refused by none.
do $$
declare
  first timestamptz := date_trunc('month', now() at time zone 'utc') at time zone 'utc';
begin
  execute format('create table storage_audit_past partition of storage_audit for values from (minvalue) to (%L)', first);
  perform ensure_audit_partitions(3);
end
$$;

create function storage_audit_append_only() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'DELETE' and current_setting('catalog.pruning', true) = 'on' then
    return null;
  end if;
  raise exception 'storage_audit is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;

comment on function storage_audit_append_only is 'Refuses to change or remove audit entries; only prune_audit_rows may.';

create trigger storage_audit_append_only before update or delete or truncate on storage_audit
  for each statement execute function storage_audit_append_only();

create function prune_audit_rows(before timestamptz, max_rows integer) returns bigint
language plpgsql
set catalog.pruning = 'on'
as $$
declare
  removed bigint;
begin
  delete from storage_audit
  where (tableoid, ctid) in (
    select tableoid, ctid from storage_audit where occurred_at < before limit max_rows
  ) and occurred_at < before;
  get diagnostics removed = row_count;
  return removed;
end
$$;

comment on function prune_audit_rows is 'Deletes at most max_rows audit entries from before a time; answers how many.';
