create or replace function catalog.refuse_mismatch() returns trigger
language plpgsql
as $$
begin
  if current_setting('catalog.applying', true) = 'on' then
    return null;
  end if;
  if tg_op in ('INSERT', 'UPDATE') then
    perform catalog.assert_objects_follow_versions(a.bucket, array_agg(distinct a.key)) from added a group by a.bucket;
  end if;
  if tg_op in ('DELETE', 'UPDATE') then
    perform catalog.assert_objects_follow_versions(r.bucket, array_agg(distinct r.key)) from removed r group by r.bucket;
  end if;
  return null;
end
$$;

comment on function catalog.refuse_mismatch is 'Trigger.';

revoke execute on function catalog.refuse_mismatch from public;

create or replace trigger refuse_mismatch_insert after insert on catalog.storage_versions
  referencing new table as added for each statement execute function catalog.refuse_mismatch();
create or replace trigger refuse_mismatch_update after update on catalog.storage_versions
  referencing old table as removed new table as added for each statement execute function catalog.refuse_mismatch();
create or replace trigger refuse_mismatch_delete after delete on catalog.storage_versions
  referencing old table as removed for each statement execute function catalog.refuse_mismatch();
create or replace trigger refuse_mismatch_insert after insert on catalog.storage_objects
  referencing new table as added for each statement execute function catalog.refuse_mismatch();
create or replace trigger refuse_mismatch_update after update on catalog.storage_objects
  referencing old table as removed new table as added for each statement execute function catalog.refuse_mismatch();
create or replace trigger refuse_mismatch_delete after delete on catalog.storage_objects
  referencing old table as removed for each statement execute function catalog.refuse_mismatch();
