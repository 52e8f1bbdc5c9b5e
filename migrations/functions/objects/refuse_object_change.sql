create or replace function catalog.refuse_object_change() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'TRUNCATE'
    and not exists (select from catalog.storage_versions)
    and not exists (select from catalog.storage_objects)
  then
    return null;
  end if;
  raise exception '% of % would make objects and their latest versions differ', tg_op, tg_table_name
    using errcode = 'integrity_constraint_violation', hint = case tg_op
      when 'TRUNCATE' then 'Truncate storage_versions, storage_objects and storage_counters in one statement.'
      else 'Write storage_versions; storage_objects follows.'
    end;
end
$$;

comment on function catalog.refuse_object_change is
  'Trigger that refuses what no check of rows sees: moving an object to another key, and truncating one of the two '
  'tables.';

revoke execute on function catalog.refuse_object_change from public;

create or replace trigger refuse_move before update of bucket, key on catalog.storage_objects
  for each statement execute function catalog.refuse_object_change();
create or replace trigger refuse_truncate after truncate on catalog.storage_objects
  for each statement execute function catalog.refuse_object_change();
create or replace trigger refuse_truncate after truncate on catalog.storage_versions
  for each statement execute function catalog.refuse_object_change();
