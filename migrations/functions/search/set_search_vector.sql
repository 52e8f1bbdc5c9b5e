create or replace function catalog.set_search_vector() returns trigger
language plpgsql
as $$
begin
  new.search_vector := catalog.search_vector(new.key, new.content_type, new.metadata, new.tags);
  return new;
end
$$;

comment on function catalog.set_search_vector is 'Trigger that keeps storage_objects.search_vector.';

revoke execute on function catalog.set_search_vector from public;

create or replace trigger set_search_vector_insert before insert on catalog.storage_objects
  for each row execute function catalog.set_search_vector();

-- Computing the vector is half of the cost of a write: an update that changes none of its parts skips it.
create or replace trigger set_search_vector_update before update on catalog.storage_objects
  for each row when (
    old.metadata is distinct from new.metadata
    or old.tags is distinct from new.tags
    or old.content_type is distinct from new.content_type
    or old.key is distinct from new.key
  ) execute function catalog.set_search_vector();
