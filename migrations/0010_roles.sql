-- A role for each function of the catalog (shared/roles.ts), with what its statements need and nothing else. None has a password: on RDS
-- they sign in with IAM, elsewhere the owner acts as them. docs/schema.md has the table.

do $$
declare
  name text;
begin
  foreach name in array array['catalog_indexer', 'catalog_api', 'catalog_pruner', 'catalog_reconciler'] loop
    -- Roles belong to the cluster, and others of its databases may be migrated now: who loses a race looks again.
    for attempt in 1..10 loop
      begin
        if to_regrole(name) is null then
          execute format('create role %I login', name);
        end if;
        -- To act as the role; and what the pruner owns the owner must be able to migrate.
        if not pg_has_role(name, 'set') or (name = 'catalog_pruner' and not pg_has_role(name, 'usage')) then
          execute format('grant %I to current_user with inherit %s, set true', name, (name = 'catalog_pruner')::text);
        end if;
        if to_regrole('rds_iam') is not null and not pg_has_role(name, 'rds_iam', 'member') then
          execute format('grant rds_iam to %I', name);
        end if;
        exit;
      exception
        when insufficient_privilege then
          raise exception 'The database role % is not as it must be, and % may not change that: %', name, current_user, sqlerrm
            using errcode = 'insufficient_privilege', hint = format(
              'Migrate as a role with CREATEROLE, or let one that has it run: create role %1$I login; grant %1$I to %2$I with inherit %3$s, set true;%4$s',
              name, current_user, (name = 'catalog_pruner')::text,
              case when to_regrole('rds_iam') is not null then format(' grant rds_iam to %I;', name) end);
        when duplicate_object or unique_violation or internal_error then
          if attempt = 10 then
            raise;
          end if;
      end;
    end loop;
  end loop;
end
$$;

-- Partitions belong to the pruner, whoever has them made. Only the owner of a table may detach a partition concurrently, and no
-- function can do it for others. The right to make tables it has for the moment in which it is given one: Postgres wants that.
create function give_to_pruner(given regclass) returns void
language plpgsql
as $$
declare
  schema regnamespace := (select relnamespace from pg_class where oid = given);
begin
  execute format('grant create on schema %s to catalog_pruner', schema);
  execute format('alter table %s owner to catalog_pruner', given);
  execute format('revoke create on schema %s from catalog_pruner', schema);
end
$$;

comment on function give_to_pruner is 'Makes catalog_pruner the owner of the audit trail or of a partition of it.';

create or replace function attach_audit_partition(partition text, lower_bound text, upper_bound text) returns void
language plpgsql
as $$
begin
  execute format('create table %I (like storage_audit including defaults including constraints including comments)', partition);
  execute format('comment on table %I is %L', partition, format('Audit entries from %s to %s.', lower_bound, upper_bound));
  execute format('create trigger storage_audit_no_truncate before truncate on %I for each statement execute function storage_audit_append_only()',
    partition);
  execute format('alter table storage_audit attach partition %I for values from (%s) to (%s)', partition, lower_bound, upper_bound);
  perform give_to_pruner(partition::regclass);
end
$$;

do $$
declare
  given regclass;
begin
  perform give_to_pruner('storage_audit');
  -- A partition that a prune was cut off with is attached no more.
  for given in
    select c.oid
    from pg_class c
    join pg_class parent on parent.oid = 'storage_audit'::regclass and parent.relnamespace = c.relnamespace
    where c.relkind = 'r' and c.relname ~ '^storage_audit_(\d{4}_\d{2}|past)$'
  loop
    perform give_to_pruner(given);
  end loop;
end
$$;

-- Nobody has anything by being there.
do $$
begin
  execute format('revoke create on schema %I from public', current_schema());
  execute format('revoke temporary on database %I from public', current_database());
end
$$;

revoke execute on function
  add_to_counters, annotate_version, apply_observations, assert_objects_follow_versions, attach_audit_partition, catalog_fold,
  catalog_lexemes, catalog_name_query, catalog_not_torn, catalog_query, catalog_quote, catalog_search_vector, catalog_spellings,
  catalog_split, catalog_values, catalog_whole_name, decide_latest, ensure_audit_partitions, extend_audit_past, give_to_pruner,
  object_counts, prune_audit_rows, search_matches, storage_audit_append_only, storage_audit_count, storage_objects_count,
  storage_objects_search, storage_versions_count, version_kind
  from public;

-- These act as the owner, whoever calls them, so that nobody else needs to write the tables behind them; none runs SQL that a
-- caller gave. They find their tables whatever the search path of the caller.
do $$
declare
  definer regproc;
begin
  foreach definer in array array['apply_observations', 'annotate_version', 'ensure_audit_partitions', 'storage_audit_count']::regproc[] loop
    execute format('alter function %s security definer set search_path = %I, pg_temp', definer, current_schema());
  end loop;
  execute format('grant connect on database %I to catalog_indexer, catalog_api, catalog_pruner, catalog_reconciler', current_database());
  execute format('grant usage on schema %I to catalog_indexer, catalog_api, catalog_pruner, catalog_reconciler', current_schema());
end
$$;

grant execute on function apply_observations to catalog_indexer, catalog_api, catalog_reconciler;
grant select on storage_versions to catalog_indexer, catalog_api, catalog_reconciler;

grant select on storage_objects, storage_counters, storage_audit, storage_audit_hours, storage_hooks to catalog_api;
grant insert on storage_audit, storage_hooks to catalog_api;
grant execute on function
  annotate_version, search_matches, catalog_query, catalog_name_query, catalog_fold, catalog_quote, catalog_spellings, catalog_split,
  catalog_whole_name
  to catalog_api;

-- Locking rows takes the right to change a column of them.
grant select, delete, update (created_at) on storage_tombstones to catalog_pruner;
grant execute on function ensure_audit_partitions, extend_audit_past, prune_audit_rows to catalog_pruner;

grant select, insert, update on storage_reconciles to catalog_reconciler;
