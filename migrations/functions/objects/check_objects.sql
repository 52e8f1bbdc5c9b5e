-- Only the owner of the table, by DDL, and a superuser, by session_replication_role, can turn this check off.
create or replace function catalog.check_objects() returns trigger
language plpgsql
as $$
declare
  wrong record;
begin
  if tg_op in ('INSERT', 'UPDATE') then
    select a.bucket, a.key into wrong
    from added a
    left join lateral (
      select v.version_id
      from catalog.storage_versions v
      where v.bucket = a.bucket and v.key = a.key and v.is_latest and not v.is_delete_marker
      limit 1
    ) as latest on true
    where latest.version_id is distinct from a.version_id
    limit 1;
  else
    select r.bucket, r.key into wrong
    from removed r
    cross join lateral (
      select
      from catalog.storage_versions v
      where v.bucket = r.bucket and v.key = r.key and v.is_latest and not v.is_delete_marker
      limit 1
    ) as latest
    limit 1;
  end if;
  if found then
    raise exception 'storage_objects and the latest version of % in % would differ',
      quote_literal(wrong.key), wrong.bucket
      using errcode = 'integrity_constraint_violation', hint = 'Write storage_versions; storage_objects follows.';
  end if;
  return null;
end
$$;

comment on function catalog.check_objects is
  'Trigger that refuses a statement after which storage_objects and the latest versions would differ.';

revoke execute on function catalog.check_objects from public;

create or replace trigger check_objects_insert after insert on catalog.storage_objects
  referencing new table as added for each statement execute function catalog.check_objects();
create or replace trigger check_objects_update after update on catalog.storage_objects
  referencing old table as removed new table as added for each statement execute function catalog.check_objects();
create or replace trigger check_objects_delete after delete on catalog.storage_objects
  referencing old table as removed for each statement execute function catalog.check_objects();
