import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeSchema, withoutComment } from '../../../shared/database/describe-schema.ts'
import { readMigrations } from '../../../shared/database/migration-files.ts'
import { databaseTest, emptyDatabaseTest } from '../../support/postgres/database.ts'

databaseTest('migrations/schema.sql is what the migrations make; `npm run schema` writes it again', async ({ sql }) => {
  const file = await readFile(join(import.meta.dirname, '../../../migrations/schema.sql'), 'utf8')
  expect(await describeSchema(sql)).toBe(file)
})

test('lines of SQL have at most 120 characters', async () => {
  const { tables, functions } = await readMigrations(join(import.meta.dirname, '../../../migrations'))
  const long = [...tables, ...functions].flatMap(({ name, text }) =>
    text.split('\n').flatMap((line, n) => ([...line].length > 120 ? [`${name}:${n + 1}`] : [])),
  )
  expect(long).toEqual([])
})

databaseTest('every table, column, type and function says what it means', async ({ sql }) => {
  expect(await withoutComment(sql)).toEqual([])
})

emptyDatabaseTest(
  'the description holds what is attached to tables and functions, and leaves out partitions',
  async ({ sql }) => {
    await sql
      .unsafe(`
    create role reader_of_schema_test;
    create table other (id integer);
    create schema catalog;
    create table catalog.pet (
      id integer generated always as identity primary key,
      name varchar(20) collate "C" not null default 'it''s' check (name <> ''),
      loud text generated always as (upper(name)) stored,
      at date not null
    );
    comment on table catalog.pet is 'It''s alive';
    create index on catalog.pet (loud) where id > 1;
    create statistics catalog.pet_stat on id, name from catalog.pet;
    alter table catalog.pet enable row level security;
    create policy own on catalog.pet for select to reader_of_schema_test using (id > 0);
    grant select on catalog.pet to reader_of_schema_test;
    create view catalog.pets as select id from catalog.pet;
    comment on view catalog.pets is 'Numbers';
    create table catalog.visit (at date, pet integer references catalog.pet on delete cascade) partition by range (at);
    create table catalog.visit_2026 partition of catalog.visit for values from ('2026-01-01') to ('2027-01-01');
    create type catalog.pair as (a integer, b text);
    create function catalog.one() returns integer language sql return 1;
    grant execute on function catalog.one() to reader_of_schema_test;
  `)
      .simple()
    const text = await describeSchema(sql)
    expect(await withoutComment(sql)).toEqual(
      [
        'catalog.one()',
        'catalog.pair',
        'catalog.pet.at',
        'catalog.pet.id',
        'catalog.pet.loud',
        'catalog.pet.name',
        'catalog.pets.id',
        'catalog.visit',
        'catalog.visit.at',
        'catalog.visit.pet',
      ].sort(),
    )
    await sql`drop owned by reader_of_schema_test`
    await sql`drop role reader_of_schema_test`
    expect(text.split('\n').slice(3).join('\n')).toBe(`create schema catalog;

create type catalog.pair as (
  a integer,
  b text
);

create table catalog.pet (
  id integer not null generated always as identity,
  name character varying(20) collate "C" not null default 'it''s'::character varying,
  loud text generated always as (upper((name)::text)) stored,
  at date not null,
  constraint pet_pkey PRIMARY KEY (id),
  constraint pet_name_check CHECK (((name)::text <> ''::text))
);
comment on table catalog.pet is 'It''s alive';
CREATE INDEX pet_loud_idx ON catalog.pet USING btree (loud) WHERE (id > 1);
CREATE STATISTICS catalog.pet_stat ON id, name FROM catalog.pet;
alter table catalog.pet enable row level security;
create policy own on catalog.pet for select to reader_of_schema_test using ((id > 0));
grant select on catalog.pet to reader_of_schema_test;

create table catalog.visit (
  at date,
  pet integer,
  constraint visit_pet_fkey FOREIGN KEY (pet) REFERENCES catalog.pet(id) ON DELETE CASCADE
) partition by RANGE (at);

create view catalog.pets as
 SELECT id
   FROM catalog.pet;
comment on view catalog.pets is 'Numbers';

CREATE OR REPLACE FUNCTION catalog.one()
 RETURNS integer
 LANGUAGE sql
RETURN 1;
grant execute on function catalog.one() to public;
grant execute on function catalog.one() to reader_of_schema_test;

`)
  },
)
