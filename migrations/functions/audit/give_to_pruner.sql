create or replace function catalog.give_to_pruner(partition regclass) returns void
language plpgsql
as $$
begin
  -- To become the owner of a table a role needs the right to create tables in the schema: the pruner has it for this
  -- moment only.
  grant create on schema catalog to catalog_pruner;
  execute format('alter table %s owner to catalog_pruner', partition);
  revoke create on schema catalog from catalog_pruner;
end
$$;

comment on function catalog.give_to_pruner is 'Makes catalog_pruner the owner of a partition of the audit trail.';

revoke execute on function catalog.give_to_pruner from public;
