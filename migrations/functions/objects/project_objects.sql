-- Only this trigger writes storage_objects, so the table holds a key exactly when its latest version is not a delete
-- marker, whoever writes the versions.
--
-- A MERGE fires its triggers for DELETE, then UPDATE, then INSERT, and each sees the effects of all three. Where it
-- unflags one version and inserts the next, the trigger for updates replaces the object, and the one for inserts finds
-- nothing to change.
create or replace function catalog.project_objects() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'INSERT' then
    perform catalog.update_objects(c.bucket, array_agg(c.key))
    from added c
    where c.is_latest
    group by c.bucket;
  elsif tg_op = 'DELETE' then
    perform catalog.update_objects(c.bucket, array_agg(c.key))
    from removed c
    where c.is_latest
    group by c.bucket;
  else
    perform catalog.update_objects(c.bucket, array_agg(c.key))
    from (
      select a.bucket, a.key from added a where a.is_latest
      union
      select r.bucket, r.key from removed r where r.is_latest
    ) as c
    group by c.bucket;
  end if;
  return null;
end
$$;

comment on function catalog.project_objects is
  'Trigger that makes storage_objects follow the latest versions of the keys of a statement.';

revoke execute on function catalog.project_objects from public;

create or replace trigger project_objects_insert after insert on catalog.storage_versions
  referencing new table as added for each statement execute function catalog.project_objects();
create or replace trigger project_objects_update after update on catalog.storage_versions
  referencing old table as removed new table as added for each statement execute function catalog.project_objects();
create or replace trigger project_objects_delete after delete on catalog.storage_versions
  referencing old table as removed for each statement execute function catalog.project_objects();
