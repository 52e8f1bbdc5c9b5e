-- A change that the API made is in the trail already, with its caller (source = 'api') and the request id of S3: its
-- event adds nothing. The API holds the lock of the key until its entry is committed, so that the event finds it. Only
-- tags and deletes are written through the API, so other events, which may come in bulk, are not looked up.
create or replace function catalog.add_event_audit(in_bucket text, audited_json jsonb) returns void
language plpgsql
as $$
begin
  insert into catalog.storage_audit (
    occurred_at, user_id, action, bucket, key, version_id, ip_address, success, metadata, event_id, source
  )
  select a.occurred_at, a.user_id, a.action, in_bucket, a.key, a.version_id, a.ip_address, true, a.metadata, a.event_id,
    'event'
  from jsonb_to_recordset(audited_json) as a (
    occurred_at timestamptz, user_id text, action text, key text, version_id text, ip_address text, metadata jsonb,
    event_id text
  )
  where a.action not in ('TAG', 'DELETE')
    or not exists (
      select
      from catalog.storage_audit x
      where x.bucket = in_bucket and x.key = a.key
        and x.occurred_at between a.occurred_at - interval '5 minutes' and a.occurred_at + interval '5 minutes'
        and x.source = 'api' and x.success and x.metadata ->> 's3RequestId' = a.metadata ->> 'requestId'
    )
  on conflict (event_id, occurred_at) do nothing;
end
$$;

comment on function catalog.add_event_audit is
  'Adds the audit entries of events of a bucket, each event once, without those of changes that the API made and has '
  'audited.';

revoke execute on function catalog.add_event_audit from public;
