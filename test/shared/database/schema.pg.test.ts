import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { describeSchema, withoutComment } from '../../../shared/database/describe-schema.ts'
import { databaseTest, emptyDatabaseTest } from '../../support/database.ts'

databaseTest('migrations/schema.sql is what the migrations make; `npm run schema` writes it again', async ({ sql }) => {
  const file = await readFile(join(import.meta.dirname, '../../../migrations/schema.sql'), 'utf8')
  expect(await describeSchema(sql)).toBe(file)
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
    create table pet (
      id integer generated always as identity primary key,
      name varchar(20) collate "C" not null default 'it''s' check (name <> ''),
      loud text generated always as (upper(name)) stored,
      at date not null
    );
    comment on table pet is 'It''s alive';
    create index on pet (loud) where id > 1;
    create statistics pet_stat on id, name from pet;
    alter table pet enable row level security;
    create policy own on pet for select to reader_of_schema_test using (id > 0);
    grant select on pet to reader_of_schema_test;
    create view pets as select id from pet;
    comment on view pets is 'Numbers';
    create table visit (at date, pet integer references pet on delete cascade) partition by range (at);
    create table visit_2026 partition of visit for values from ('2026-01-01') to ('2027-01-01');
    create type pair as (a integer, b text);
    create function one() returns integer language sql return 1;
    grant execute on function one() to reader_of_schema_test;
  `)
      .simple()
    const text = await describeSchema(sql)
    expect(await withoutComment(sql)).toEqual(
      ['one()', 'pair', 'pet.at', 'pet.id', 'pet.loud', 'pet.name', 'pets.id', 'visit', 'visit.at', 'visit.pet'].sort(),
    )
    await sql`drop owned by reader_of_schema_test`
    await sql`drop role reader_of_schema_test`
    expect(text.split('\n').slice(3).join('\n')).toBe(`create type pair as (
  a integer,
  b text
);

create table pet (
  id integer not null generated always as identity,
  name character varying(20) collate "C" not null default 'it''s'::character varying,
  loud text generated always as (upper((name)::text)) stored,
  at date not null,
  constraint pet_pkey PRIMARY KEY (id),
  constraint pet_name_check CHECK (((name)::text <> ''::text))
);
comment on table pet is 'It''s alive';
CREATE INDEX pet_loud_idx ON public.pet USING btree (loud) WHERE (id > 1);
CREATE STATISTICS public.pet_stat ON id, name FROM pet;
alter table pet enable row level security;
create policy own on pet for select to reader_of_schema_test using ((id > 0));
grant select on pet to reader_of_schema_test;

create table visit (
  at date,
  pet integer,
  constraint visit_pet_fkey FOREIGN KEY (pet) REFERENCES pet(id) ON DELETE CASCADE
) partition by RANGE (at);

create view pets as
 SELECT id
   FROM pet;
comment on view pets is 'Numbers';

CREATE OR REPLACE FUNCTION public.one()
 RETURNS integer
 LANGUAGE sql
RETURN 1;
grant execute on function one() to public;
grant execute on function one() to reader_of_schema_test;

`)
  },
)
