create or replace function catalog.add_event_audit(in_bucket text, audited_json jsonb) returns void
language plpgsql
as $$
begin
  insert into catalog.storage_audit (
    occurred_at, user_id, action, bucket, key, version_id, ip_address, success, metadata, event_id
  )
  select a.occurred_at, a.user_id, a.action, in_bucket, a.key, a.version_id, a.ip_address, true, a.metadata, a.event_id
  from jsonb_to_recordset(audited_json) as a (
    occurred_at timestamptz, user_id text, action text, key text, version_id text, ip_address text, metadata jsonb,
    event_id text
  )
  on conflict (event_id, occurred_at) do nothing;
end
$$;

comment on function catalog.add_event_audit is 'Adds the audit entries of events of a bucket, each event once.';

revoke execute on function catalog.add_event_audit from public;
