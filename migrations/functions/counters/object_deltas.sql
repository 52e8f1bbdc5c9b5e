create or replace function catalog.object_deltas(
  bucket text, storage_backend text, storage_class text, content_type text, day text, objects bigint, bytes numeric
) returns setof catalog.counter_delta
language sql immutable
begin atomic
  select bucket, d.dimension, left(d.value, 200), objects, bytes
  from (values
    ('total', ''),
    ('backend', storage_backend),
    ('class', storage_class),
    ('type', coalesce(lower(btrim(split_part(content_type, ';', 1))), '')),
    ('day', day)
  ) as d (dimension, value);
end;

comment on function catalog.object_deltas is 'What a group of objects that share these values adds to each dimension.';

revoke execute on function catalog.object_deltas from public;
