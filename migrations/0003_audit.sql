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

-- Row triggers come to each partition by themselves, so entries are as safe from a statement that names the partition.
create function storage_audit_append_only() returns trigger
language plpgsql
as $$
begin
  raise exception 'storage_audit is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;

comment on function storage_audit_append_only is 'Refuses to change or remove audit entries.';

create trigger storage_audit_no_update before update on storage_audit
  for each row execute function storage_audit_append_only();
create trigger storage_audit_no_delete before delete on storage_audit
  for each row when (current_setting('catalog.pruning', true) is distinct from 'on')
  execute function storage_audit_append_only();
create trigger storage_audit_no_truncate before truncate on storage_audit
  for each statement execute function storage_audit_append_only();

create function attach_audit_partition(partition text, lower_bound text, upper_bound text) returns void
language plpgsql
as $$
begin
  execute format('create table %I (like storage_audit including defaults including constraints including comments)', partition);
  execute format('comment on table %I is %L', partition, format('Audit entries from %s to %s.', lower_bound, upper_bound));
  execute format('create trigger storage_audit_no_truncate before truncate on %I for each statement execute function storage_audit_append_only()',
    partition);
  execute format('alter table storage_audit attach partition %I for values from (%s) to (%s)', partition, lower_bound, upper_bound);
end
$$;

comment on function attach_audit_partition is 'Makes one partition, bounds as SQL. Attached, not created in place: that would lock out writers.';

create function ensure_audit_partitions(months_ahead integer) returns setof text
language plpgsql
as $$
declare
  missing record;
begin
  for missing in
    select 'storage_audit_' || to_char(month, 'YYYY_MM') as name,
      quote_literal(month at time zone 'utc') as lower_bound,
      quote_literal((month + interval '1 month') at time zone 'utc') as upper_bound
    from generate_series(
      date_trunc('month', now() at time zone 'utc'),
      date_trunc('month', now() at time zone 'utc') + make_interval(months => months_ahead),
      interval '1 month'
    ) as month
    where to_regclass('storage_audit_' || to_char(month, 'YYYY_MM')) is null
  loop
    -- Two may ask at once: one waits here. No writer does.
    lock table storage_audit in share update exclusive mode;
    if to_regclass(missing.name) is null then
      perform attach_audit_partition(missing.name, missing.lower_bound, missing.upper_bound);
      return next missing.name;
    end if;
  end loop;
end
$$;

comment on function ensure_audit_partitions is 'Makes the partitions of this month and of the months ahead that are missing; answers their names.';

-- What is older than the first month has a partition without a lower bound, so that a late event is refused by none.
do $$
begin
  perform attach_audit_partition('storage_audit_past', 'minvalue',
    quote_literal(date_trunc('month', now() at time zone 'utc') at time zone 'utc'));
  perform ensure_audit_partitions(3);
end
$$;

create function extend_audit_past(upper_bound timestamptz) returns void
language plpgsql
set lock_timeout = '50ms'
as $$
begin
  -- In one transaction, so that no moment is without a partition; a reader in the way costs writers 50 ms, and the caller tries again.
  lock table storage_audit in access exclusive mode;
  alter table storage_audit detach partition storage_audit_past;
  execute format('alter table storage_audit attach partition storage_audit_past for values from (minvalue) to (%L)', upper_bound);
  execute format('comment on table storage_audit_past is %L', format('Audit entries from minvalue to %s.', upper_bound));
end
$$;

comment on function extend_audit_past is 'Lets storage_audit_past reach up to a time. Fails with lock_not_available when somebody reads the trail for longer than 50 ms.';

create function prune_audit_rows(before timestamptz, max_rows integer) returns bigint
language plpgsql
set catalog.pruning = 'on'
as $$
declare
  partition regclass;
  removed bigint := 0;
  of_partition bigint;
begin
  -- A partition at a time, by row address: through the parent each batch would read all that the batches before left.
  for partition in
    select c.oid::regclass
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'storage_audit'::regclass
      and not i.inhdetachpending
      and (c.relname = 'storage_audit_past' or c.relname < 'storage_audit_' || to_char(before at time zone 'utc' + interval '1 month', 'YYYY_MM'))
    order by c.relname = 'storage_audit_past' desc, c.relname
  loop
    execute format('delete from %s where ctid = any (array(select ctid from %s where occurred_at < $1 limit $2)) and occurred_at < $1', partition, partition)
      using before, max_rows - removed;
    get diagnostics of_partition = row_count;
    removed := removed + of_partition;
    exit when removed >= max_rows;
  end loop;
  return removed;
end
$$;

comment on function prune_audit_rows is 'Deletes at most max_rows audit entries from before a time; answers how many.';
