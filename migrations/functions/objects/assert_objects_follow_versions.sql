create or replace function catalog.assert_objects_follow_versions(in_bucket text, keys text[]) returns void
language plpgsql
as $$
declare
  torn text;
begin
  select k into torn
  from unnest(keys) as k
  left join lateral (
    select version_id from catalog.storage_versions where bucket = in_bucket and key = k and is_latest and not is_delete_marker limit 1
  ) as v on true
  left join lateral (
    select version_id from catalog.storage_objects where bucket = in_bucket and key = k limit 1
  ) as o on true
  where v.version_id is distinct from o.version_id
  limit 1;
  if found then
    raise exception 'storage_objects and the latest version of % in % would differ', quote_literal(torn), in_bucket
      using errcode = 'integrity_constraint_violation', hint = 'Write through apply_observations.';
  end if;
end
$$;

comment on function catalog.assert_objects_follow_versions is 'storage_objects holds a key exactly when its latest version is no delete marker, and with that version''s id.';

revoke execute on function catalog.assert_objects_follow_versions from public;
