-- Objects follow from versions, at every statement: a reader never sees a key torn.

create function assert_objects_follow_versions(in_bucket text, keys text[]) returns void
language plpgsql
as $$
declare
  torn text;
begin
  select k into torn
  from unnest(keys) as k
  left join lateral (
    select version_id from storage_versions where bucket = in_bucket and key = k and is_latest and not is_delete_marker limit 1
  ) as v on true
  left join lateral (
    select version_id from storage_objects where bucket = in_bucket and key = k limit 1
  ) as o on true
  where v.version_id is distinct from o.version_id
  limit 1;
  if found then
    raise exception 'storage_objects and the latest version of % in % would differ', quote_literal(torn), in_bucket
      using errcode = 'integrity_constraint_violation', hint = 'Write through apply_observations.';
  end if;
end
$$;

comment on function assert_objects_follow_versions is 'storage_objects holds a key exactly when its latest version is no delete marker, and with that version''s id.';

create function catalog_not_torn() returns trigger
language plpgsql
as $$
begin
  if current_setting('catalog.applying', true) = 'on' then
    return null;
  end if;
  if tg_op in ('INSERT', 'UPDATE') then
    perform assert_objects_follow_versions(a.bucket, array_agg(distinct a.key)) from added a group by a.bucket;
  end if;
  if tg_op in ('DELETE', 'UPDATE') then
    perform assert_objects_follow_versions(r.bucket, array_agg(distinct r.key)) from removed r group by r.bucket;
  end if;
  return null;
end
$$;

comment on function catalog_not_torn is 'Refuses a statement that would leave objects and versions at odds; apply_observations checks its own keys when it is done.';

create trigger storage_versions_not_torn_insert after insert on storage_versions
  referencing new table as added for each statement execute function catalog_not_torn();
create trigger storage_versions_not_torn_update after update on storage_versions
  referencing old table as removed new table as added for each statement execute function catalog_not_torn();
create trigger storage_versions_not_torn_delete after delete on storage_versions
  referencing old table as removed for each statement execute function catalog_not_torn();
create trigger storage_objects_not_torn_insert after insert on storage_objects
  referencing new table as added for each statement execute function catalog_not_torn();
create trigger storage_objects_not_torn_update after update on storage_objects
  referencing old table as removed new table as added for each statement execute function catalog_not_torn();
create trigger storage_objects_not_torn_delete after delete on storage_objects
  referencing old table as removed for each statement execute function catalog_not_torn();
