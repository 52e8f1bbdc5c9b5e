create or replace function catalog.make_latest_decision(
  key text, current_id text, latest_id text, is_stated boolean, is_decided boolean, gone_ids text[],
  observed catalog.observation[]
) returns catalog.latest_decision
language sql immutable parallel safe
return row(key, current_id, latest_id, is_stated, is_decided, gone_ids, observed)::catalog.latest_decision;

comment on function catalog.make_latest_decision is
  'Makes a latest_decision of fields that the caller gives by name. A row in a query has only the order of its fields.';

revoke execute on function catalog.make_latest_decision from public;
