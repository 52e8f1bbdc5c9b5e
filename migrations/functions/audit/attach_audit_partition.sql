create or replace function catalog.attach_audit_partition(partition text, lower_bound text, upper_bound text)
returns void
language plpgsql
as $$
begin
  -- Attached, not created in place: that would lock out writers.
  execute format(
    'create table catalog.%I (like catalog.storage_audit including defaults including constraints including comments)',
    partition);
  execute format('comment on table catalog.%I is %L',
    partition, format('Audit entries from %s to %s.', lower_bound, upper_bound));
  -- Statement triggers are not inherited.
  execute format(
    'create trigger refuse_truncate before truncate on catalog.%I '
      'for each statement execute function catalog.refuse_audit_change()',
    partition);
  execute format('alter table catalog.storage_audit attach partition catalog.%I for values from (%s) to (%s)',
    partition, lower_bound, upper_bound);
  perform catalog.give_to_pruner(format('catalog.%I', partition)::regclass);
end
$$;

comment on function catalog.attach_audit_partition is
  'Creates one partition of the audit trail. Bounds are SQL expressions: minvalue, maxvalue or a quoted time.';

revoke execute on function catalog.attach_audit_partition from public;
