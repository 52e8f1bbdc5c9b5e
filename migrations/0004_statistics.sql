-- Counts that stay exact while rows come and go: one statement trigger per table, one row per value of a dimension.
-- Row triggers would deadlock two batches; here each statement adds its sums in one order, behind one row per bucket.

create table storage_counters (
  bucket text not null,
  dimension text not null,
  value text not null,
  objects bigint not null default 0,
  bytes bigint not null default 0,
  primary key (bucket, dimension, value)
) with (fillfactor = 50);

comment on table storage_counters is 'Counts and bytes by bucket and dimension, kept by statement triggers.';
comment on column storage_counters.bucket is 'Bucket that is counted.';
comment on column storage_counters.dimension is 'What is counted: total, backend, class, type, day (objects, by creation day in UTC), versions, old_versions, markers.';
comment on column storage_counters.value is 'Value of the dimension; empty for those that have none.';
comment on column storage_counters.objects is 'How many objects, versions or markers.';
comment on column storage_counters.bytes is 'Their bytes.';

create table storage_audit_hours (
  hour timestamptz not null,
  bucket text not null,
  action text not null,
  entries bigint not null,
  primary key (hour, bucket, action)
) with (fillfactor = 50);

comment on table storage_audit_hours is 'Audit entries by hour, kept by a statement trigger; stays when the entries are pruned.';
comment on column storage_audit_hours.hour is 'Start of the hour (of occurred_at).';
comment on column storage_audit_hours.bucket is 'Bucket of the entries; empty where they have none.';
comment on column storage_audit_hours.action is 'Action of the entries.';
comment on column storage_audit_hours.entries is 'How many.';

create function add_to_counters(deltas storage_counters[]) returns void
language plpgsql
as $$
begin
  perform from storage_counters c
  where c.dimension = 'total' and c.value = '' and c.bucket in (select d.bucket from unnest(deltas) as d)
  order by c.bucket
  for no key update;

  insert into storage_counters as c (bucket, dimension, value, objects, bytes)
  select d.bucket, d.dimension, d.value, sum(d.objects), sum(d.bytes)
  from unnest(deltas) as d
  group by d.bucket, d.dimension, d.value
  having sum(d.objects) <> 0 or sum(d.bytes) <> 0
  order by d.bucket, d.dimension = 'total' desc, d.dimension, d.value
  on conflict (bucket, dimension, value) do update
  set objects = c.objects + excluded.objects, bytes = c.bytes + excluded.bytes;
end
$$;

comment on function add_to_counters is 'Adds deltas in one order, the total of each bucket first, so that two writers cannot deadlock.';

create function object_counts(
  bucket text, storage_backend text, storage_class text, content_type text, day text, objects bigint, bytes numeric
) returns setof storage_counters
language sql immutable
begin atomic
  select bucket, d.dimension, d.value, objects, bytes::bigint
  from (values
    ('total', ''),
    ('backend', storage_backend),
    ('class', storage_class),
    ('type', coalesce(content_type, '')),
    ('day', day)
  ) as d (dimension, value);
end;

comment on function object_counts is 'What a group of alike objects adds to each dimension.';

create function storage_objects_count() returns trigger
language plpgsql
as $$
declare
  deltas storage_counters[] := '{}';
begin
  if tg_op in ('INSERT', 'UPDATE') then
    select deltas || coalesce(array_agg(d), '{}') into deltas
    from (
      select a.bucket, a.storage_backend, a.storage_class, a.content_type, to_char(a.created_at at time zone 'utc', 'YYYY-MM-DD') as day,
        count(*) as objects, sum(a.size) as bytes
      from added a
      group by 1, 2, 3, 4, 5
    ) as g, object_counts(g.bucket, g.storage_backend, g.storage_class, g.content_type, g.day, g.objects, g.bytes) as d;
  end if;
  if tg_op in ('DELETE', 'UPDATE') then
    select deltas || coalesce(array_agg(d), '{}') into deltas
    from (
      select r.bucket, r.storage_backend, r.storage_class, r.content_type, to_char(r.created_at at time zone 'utc', 'YYYY-MM-DD') as day,
        -count(*) as objects, -sum(r.size) as bytes
      from removed r
      group by 1, 2, 3, 4, 5
    ) as g, object_counts(g.bucket, g.storage_backend, g.storage_class, g.content_type, g.day, g.objects, g.bytes) as d;
  end if;
  perform add_to_counters(deltas);
  return null;
end
$$;

comment on function storage_objects_count is 'Counts objects into storage_counters.';

create trigger storage_objects_count_insert after insert on storage_objects
  referencing new table as added for each statement execute function storage_objects_count();
create trigger storage_objects_count_update after update on storage_objects
  referencing old table as removed new table as added for each statement execute function storage_objects_count();
create trigger storage_objects_count_delete after delete on storage_objects
  referencing old table as removed for each statement execute function storage_objects_count();

create function version_kind(is_delete_marker boolean, is_latest boolean) returns text[]
language sql immutable parallel safe
return case
  when is_delete_marker then array['markers']
  when is_latest then array['versions']
  else array['versions', 'old_versions']
end;

comment on function version_kind is 'The dimensions in which a version is counted.';

create function storage_versions_count() returns trigger
language plpgsql
as $$
declare
  deltas storage_counters[] := '{}';
begin
  if tg_op in ('INSERT', 'UPDATE') then
    select deltas || coalesce(array_agg(row(g.bucket, g.kind, '', g.objects, g.bytes)::storage_counters), '{}') into deltas
    from (
      select a.bucket, kind, count(*) as objects, coalesce(sum(a.size), 0)::bigint as bytes
      from added a, unnest(version_kind(a.is_delete_marker, a.is_latest)) as kind
      group by 1, 2
    ) as g;
  end if;
  if tg_op in ('DELETE', 'UPDATE') then
    select deltas || coalesce(array_agg(row(g.bucket, g.kind, '', g.objects, g.bytes)::storage_counters), '{}') into deltas
    from (
      select r.bucket, kind, -count(*) as objects, -coalesce(sum(r.size), 0)::bigint as bytes
      from removed r, unnest(version_kind(r.is_delete_marker, r.is_latest)) as kind
      group by 1, 2
    ) as g;
  end if;
  perform add_to_counters(deltas);
  return null;
end
$$;

comment on function storage_versions_count is 'Counts versions and delete markers into storage_counters.';

create trigger storage_versions_count_insert after insert on storage_versions
  referencing new table as added for each statement execute function storage_versions_count();
create trigger storage_versions_count_update after update on storage_versions
  referencing old table as removed new table as added for each statement execute function storage_versions_count();
create trigger storage_versions_count_delete after delete on storage_versions
  referencing old table as removed for each statement execute function storage_versions_count();

create function storage_audit_count() returns trigger
language plpgsql
as $$
begin
  insert into storage_audit_hours as h (hour, bucket, action, entries)
  select date_trunc('hour', occurred_at, 'UTC'), coalesce(bucket, ''), action, count(*)
  from added
  group by 1, 2, 3
  order by 1, 2, 3
  on conflict (hour, bucket, action) do update set entries = h.entries + excluded.entries;
  return null;
end
$$;

comment on function storage_audit_count is 'Counts audit entries by hour.';

create trigger storage_audit_count after insert on storage_audit
  referencing new table as added for each statement execute function storage_audit_count();
