-- One role for each Lambda function (shared/functions.ts). Each table and function file grants what its role
-- needs; docs/schema.md has the table. No role has a password: on RDS they sign in with IAM, elsewhere the owner of the
-- schema acts as them.
--
-- A statement ends before the function that sent it (shared/functions.ts has both times): nobody waits for it any more.
-- The setting belongs to the role, because RDS Proxy pins a connection that changes a setting itself.
--
-- Roles belong to the whole cluster. Creating them, and letting them connect where the database does not let everybody,
-- is all that the migrations do outside of the schema `catalog`.

do $$
declare
  name text;
  statement_timeout text;
begin
  for name, statement_timeout in values
    ('catalog_indexer', '45s'), ('catalog_api', '20s'), ('catalog_pruner', '600s'), ('catalog_reconciler', '600s')
  loop
    -- Another database of the cluster may be migrated at the same time: whoever loses the race tries again.
    for attempt in 1..10 loop
      begin
        if to_regrole(name) is null then
          execute format('create role %I login', name);
        end if;
        -- The owner must be able to act as each role, and to migrate the tables that belong to the pruner.
        if not pg_has_role(name, 'set') or (name = 'catalog_pruner' and not pg_has_role(name, 'usage')) then
          execute format('grant %I to current_user with inherit %s, set true', name, (name = 'catalog_pruner')::text);
        end if;
        if to_regrole('rds_iam') is not null and not pg_has_role(name, 'rds_iam', 'member') then
          execute format('grant rds_iam to %I', name);
        end if;
        if not exists (
          select
          from pg_db_role_setting
          where setrole = to_regrole(name) and setdatabase = 0
            and 'statement_timeout=' || statement_timeout = any (setconfig)
        ) then
          execute format('alter role %I set statement_timeout = %L', name, statement_timeout);
        end if;
        exit;
      exception
        when insufficient_privilege then
          raise exception 'The database role % is not set up, and % may not do it: %', name, current_user, sqlerrm
            using errcode = 'insufficient_privilege', hint = format(
              'Migrate as a role with CREATEROLE, or let such a role run: '
                'create role %1$I login; grant %1$I to %2$I with inherit %3$s, set true;%4$s '
                'alter role %1$I set statement_timeout = %5$L;',
              name, current_user, (name = 'catalog_pruner')::text,
              case when to_regrole('rds_iam') is not null then format(' grant rds_iam to %I;', name) end,
              statement_timeout);
        when duplicate_object or unique_violation or internal_error then
          if attempt = 10 then
            raise;
          end if;
      end;
    end loop;
    if not has_database_privilege(name, current_database(), 'connect') then
      execute format('grant connect on database %I to %I', current_database(), name);
    end if;
  end loop;
end
$$;

revoke all on schema catalog from public;
grant usage on schema catalog to catalog_indexer, catalog_api, catalog_pruner, catalog_reconciler;
