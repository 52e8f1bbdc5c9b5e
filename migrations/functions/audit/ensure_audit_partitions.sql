-- requires: attach_audit_partition, give_to_pruner, refuse_audit_change

-- Acts as the owner of the schema: the pruner may not create tables.
create or replace function catalog.ensure_audit_partitions(months_ahead integer) returns setof text
language plpgsql
security definer
set search_path = catalog, pg_temp
as $$
declare
  missing record;
begin
  if to_regclass('catalog.storage_audit_past') is null then
    perform catalog.attach_audit_partition('storage_audit_past', 'minvalue',
      quote_literal(date_trunc('month', now() at time zone 'utc') at time zone 'utc'));
  end if;
  for missing in
    select 'storage_audit_' || to_char(month, 'YYYY_MM') as name,
      quote_literal(month at time zone 'utc') as lower_bound,
      quote_literal((month + interval '1 month') at time zone 'utc') as upper_bound
    from generate_series(
      date_trunc('month', now() at time zone 'utc'),
      date_trunc('month', now() at time zone 'utc') + make_interval(months => months_ahead),
      interval '1 month'
    ) as month
    where to_regclass('catalog.storage_audit_' || to_char(month, 'YYYY_MM')) is null
  loop
    -- Of two calls at once one waits here. Writers do not.
    lock table catalog.storage_audit in share update exclusive mode;
    if to_regclass('catalog.' || missing.name) is null then
      perform catalog.attach_audit_partition(missing.name, missing.lower_bound, missing.upper_bound);
      return next missing.name;
    end if;
  end loop;
end
$$;

comment on function catalog.ensure_audit_partitions is
  'Creates the missing partitions of this month and of the months ahead, and returns their names. The first call '
  'also creates storage_audit_past, which has no lower bound, so that no late event is refused.';

revoke execute on function catalog.ensure_audit_partitions from public;
grant execute on function catalog.ensure_audit_partitions to catalog_pruner;

select catalog.ensure_audit_partitions(3);
