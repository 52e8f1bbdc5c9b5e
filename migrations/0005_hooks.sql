-- Executions of hooks.

create table catalog.storage_hooks (
  id bigint generated always as identity primary key,
  hook_name text collate "C" not null check (hook_name <> ''),
  event_type text not null check (event_type <> ''),
  bucket text collate "C",
  key text collate "C",
  execution_time_ms double precision not null check (execution_time_ms between 0 and 31536000000),
  success boolean not null,
  error text,
  payload jsonb,
  response jsonb,
  executed_at timestamptz not null default now()
);

comment on table catalog.storage_hooks is 'Each execution of a hook.';
comment on column catalog.storage_hooks.id is 'Order of insertion.';
comment on column catalog.storage_hooks.hook_name is 'Name of the hook.';
comment on column catalog.storage_hooks.event_type is 'Event that started it, such as ObjectCreated:Put.';
comment on column catalog.storage_hooks.bucket is 'Bucket of the object that the event was about.';
comment on column catalog.storage_hooks.key is 'Key of the object that the event was about.';
comment on column catalog.storage_hooks.execution_time_ms is 'How long it ran, in milliseconds; at most a year.';
comment on column catalog.storage_hooks.success is 'Whether it succeeded.';
comment on column catalog.storage_hooks.error is 'Why it failed.';
comment on column catalog.storage_hooks.payload is 'Input of the hook.';
comment on column catalog.storage_hooks.response is 'Output of the hook.';
comment on column catalog.storage_hooks.executed_at is 'When it ran.';

create index storage_hooks_name on catalog.storage_hooks (hook_name, executed_at desc, id desc);

grant select, insert on catalog.storage_hooks to catalog_api;
