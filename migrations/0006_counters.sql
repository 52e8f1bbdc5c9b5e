-- Counts that stay exact while rows come and go, kept by the statement triggers of functions/counters/. Row triggers
-- would deadlock two batches; here each statement adds its sums in one order, after locking one row per bucket. A
-- connection adds to its own slot, so that the writers of one bucket seldom wait for each other; a count is the sum
-- over the slots.

create table catalog.storage_counters (
  bucket text collate "C" not null,
  dimension text collate "C" not null,
  value text collate "C" not null,
  slot smallint not null default pg_backend_pid() % 16,
  objects bigint not null default 0,
  bytes numeric not null default 0,
  primary key (bucket, dimension, value, slot)
) with (fillfactor = 50);

comment on table catalog.storage_counters is
  'Counts and bytes by bucket and dimension, kept by statement triggers. A count is the sum over its slots.';
comment on column catalog.storage_counters.bucket is 'Bucket that is counted.';
comment on column catalog.storage_counters.dimension is
  'What is counted: total, backend, class, type, day (objects, by creation day in UTC), versions, old_versions, '
  'markers.';
comment on column catalog.storage_counters.value is
  'Value of the dimension, its first 200 characters; empty for dimensions without values. Of a content type the part '
  'before ";", in lower case. other: all values that storage_counted_values does not have.';
comment on column catalog.storage_counters.slot is
  'Group of connections that add to this row. One slot alone can be negative.';
comment on column catalog.storage_counters.objects is 'Number of objects, versions or markers.';
comment on column catalog.storage_counters.bytes is
  'Their bytes. Not bigint: a thousand objects of the largest size that the API accepts would overflow it.';

-- Values come from clients, and a million of them would make a million counters. A value never leaves this table, and
-- none is added once the table is full for a bucket and dimension, so that an object is subtracted where it was added.
create table catalog.storage_counted_values (
  bucket text collate "C" not null,
  dimension text collate "C" not null,
  value text collate "C" not null,
  primary key (bucket, dimension, value)
);

comment on table catalog.storage_counted_values is
  'The backends, classes and content types with a counter of their own: the first 1,000 of each bucket.';
comment on column catalog.storage_counted_values.bucket is 'Bucket that is counted.';
comment on column catalog.storage_counted_values.dimension is
  'backend, class or type; lock for the row that is locked to add values to the bucket.';
comment on column catalog.storage_counted_values.value is 'Value of the dimension, its first 200 characters.';

create table catalog.storage_audit_hours (
  hour timestamptz not null,
  bucket text collate "C" not null,
  slot smallint not null default pg_backend_pid() % 16,
  entries bigint not null,
  primary key (hour, bucket, slot)
) with (fillfactor = 50);

comment on table catalog.storage_audit_hours is
  'Audit entries by hour, kept by a statement trigger. Rows stay when the entries are pruned.';
comment on column catalog.storage_audit_hours.hour is 'Start of the hour (of occurred_at).';
comment on column catalog.storage_audit_hours.bucket is 'Bucket of the entries; empty where they have none.';
comment on column catalog.storage_audit_hours.slot is 'Group of connections that add to this row.';
comment on column catalog.storage_audit_hours.entries is 'Number of entries.';

grant select on catalog.storage_counters, catalog.storage_audit_hours to catalog_api;

create type catalog.counter_delta as (
  bucket text collate "C",
  dimension text,
  value text,
  objects bigint,
  bytes numeric
);

comment on type catalog.counter_delta is 'What a statement adds to one counter.';
