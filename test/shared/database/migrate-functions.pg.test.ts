import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { connect, type Sql } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { type Files, migrationTest as test } from '../../support/postgres/migrations.ts'

/** SQL functions whose bodies are parsed when they are created: `top` needs `middle`, and `middle` needs `leaf`. */
const THREE = {
  'functions/numbers/leaf.sql': numberFunction('leaf', '1'),
  'functions/numbers/middle.sql': `-- requires: leaf\n\n${numberFunction('middle', 'catalog.leaf() + 1')}`,
  'functions/a_top.sql': '',
  'functions/top.sql': `-- requires: middle, leaf\n\n${numberFunction('top', 'catalog.middle() + catalog.leaf()')}`,
}

const NAMES = ['functions/a_top.sql', 'functions/numbers/leaf.sql', 'functions/numbers/middle.sql', 'functions/top.sql']

function numberFunction(name: string, body: string): string {
  return `create or replace function catalog.${name}() returns integer language sql begin atomic; select ${body}; end;\n`
}

async function topOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ top: number }[]>`select catalog.top() as top`
  return row!.top
}

test('functions are applied after the tables, each after those it requires, and recorded', async ({ sql, folder, write }) => {
  await write({ ...THREE, '0001_animal.sql': 'create table catalog.animal (name text);' })
  const lines: string[] = []
  expect(await migrate(sql, { folder, log: line => lines.push(line) })).toEqual({
    applied: ['0001_animal.sql', ...NAMES],
    already: [],
  })
  expect(lines.slice(1)).toEqual(['applied 4 functions: a_top, leaf, middle, top', '5 applied, 0 already there'])
  expect(await topOf(sql)).toBe(3)
  expect(await migrate(sql, { folder })).toEqual({ applied: [], already: ['0001_animal.sql', ...NAMES] })
  const record = await sql`select name from catalog.migrations order by name`
  expect(record.map(({ name }) => name)).toEqual(['0001_animal.sql', ...NAMES])
})

test('a file that changed is applied again, and so is what requires it', async ({ sql, folder, write }) => {
  await write(THREE)
  await migrate(sql, { folder })
  await write({ 'functions/numbers/middle.sql': `-- requires: leaf\n\n${numberFunction('middle', '10')}` })
  expect((await migrate(sql, { folder })).applied).toEqual(['functions/numbers/middle.sql', 'functions/top.sql'])
  expect(await topOf(sql)).toBe(11)
})

test('a new signature replaces the old one when the file drops it first', async ({ sql, folder, write }) => {
  const comment = "comment on function catalog.size is 'x';"
  await write({
    'functions/size.sql': `create or replace function catalog.size(a text) returns int language sql return 1; ${comment}`,
  })
  await migrate(sql, { folder })
  const changed = `create or replace function catalog.size(a int) returns int language sql return 1; ${comment}`
  await write({ 'functions/size.sql': changed })
  await expect(migrate(sql, { folder })).rejects.toThrow('functions/size.sql: function name "catalog.size" is not unique')
  await write({ 'functions/size.sql': `drop function if exists catalog.size(text);\n${changed}` })
  await migrate(sql, { folder })
  expect(await functionsOf(sql)).toEqual(['catalog.size(integer)'])
})

test('a function whose file is gone is dropped with its triggers, and one whose file moved stays', async ({
  sql,
  folder,
  write,
}) => {
  await write({
    ...THREE,
    '0001_animal.sql': 'create table catalog.animal (name text);',
    'functions/refuse.sql': `
      create or replace function catalog.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
      create or replace trigger refuse before insert on catalog.animal for each row execute function catalog.refuse();`,
  })
  await migrate(sql, { folder })
  await rm(join(folder, 'functions/refuse.sql'))
  await rm(join(folder, 'functions/top.sql'))
  await mkdir(join(folder, 'functions/moved'))
  await rename(join(folder, 'functions/numbers/middle.sql'), join(folder, 'functions/moved/middle.sql'))
  expect((await migrate(sql, { folder })).applied).toEqual(['functions/moved/middle.sql'])
  expect(await functionsOf(sql)).toEqual(['catalog.leaf()', 'catalog.middle()'])
  await sql`insert into catalog.animal values ('cat')`
  const record = await sql`select name from catalog.migrations where name like 'functions/%' order by name`
  expect(record.map(({ name }) => name)).toEqual([
    'functions/a_top.sql',
    'functions/moved/middle.sql',
    'functions/numbers/leaf.sql',
  ])
})

test('a function whose file is gone but that something else needs is refused, and nothing changes', async ({
  sql,
  folder,
  write,
}) => {
  await write({ 'functions/leaf.sql': numberFunction('leaf', '1') })
  await migrate(sql, { folder })
  await sql`create view seen as select catalog.leaf() as n`
  await rm(join(folder, 'functions/leaf.sql'))
  await write({ 'functions/other.sql': numberFunction('other', '1') })
  await expect(migrate(sql, { folder })).rejects.toThrow(
    'functions/leaf.sql is gone, but drop function catalog.leaf() failed: cannot drop function catalog.leaf() because other objects depend on it (2BP01)',
  )
  expect(await functionsOf(sql)).toEqual(['catalog.leaf()'])
})

test('what another user created in the schema is left alone', async ({ sql, folder, write }) => {
  await write(THREE)
  await migrate(sql, { folder })
  await sql`create function catalog.own() returns integer language sql return 1`
  await rm(join(folder, 'functions/top.sql'))
  await migrate(sql, { folder })
  expect(await functionsOf(sql)).toEqual(['catalog.leaf()', 'catalog.middle()', 'catalog.own()'])
})

test('functions change together or not at all, and the error names file and line', async ({ sql, folder, write }) => {
  await write(THREE)
  await migrate(sql, { folder })
  await write({
    'functions/numbers/leaf.sql': numberFunction('leaf', '100'),
    'functions/wrong.sql': 'create or replace function catalog.wrong() returns integer language sql\nreturn nothing;\n',
  })
  await expect(migrate(sql, { folder })).rejects.toThrow('functions/wrong.sql, line 2: column "nothing" does not exist (42703)')
  expect(await topOf(sql)).toBe(3)
})

test('of eight runners at once exactly one applies the functions', async ({ database, folder, write }) => {
  await write(THREE)
  const clients = Array.from({ length: 8 }, () => connect({ url: database.url, max: 1 }))
  const reports = await Promise.all(clients.map(client => migrate(client, { folder })))
  await Promise.all(clients.map(client => client.end()))
  expect(reports.flatMap(({ applied }) => applied)).toEqual(NAMES)
})

const refused: [string, Files, string][] = [
  ['a function without a file', { 'functions/a.sql': '-- requires: b\n' }, 'functions/a.sql requires b, which has no file'],
  [
    'a circle',
    { 'functions/a.sql': '-- requires: b\n', 'functions/b.sql': '-- requires: a\n' },
    'functions/a.sql requires itself: a -> b -> a',
  ],
  [
    'two files of one name',
    { 'functions/a.sql': '', 'functions/x/a.sql': '' },
    'functions/x/a.sql has the same name as functions/a.sql',
  ],
  ['a name that is not a function', { 'functions/A-b.sql': '' }, 'functions/A-b.sql is not named after a function'],
  ['a commit', { 'functions/a.sql': 'commit;' }, "functions/a.sql, line 1: a migration can't end or begin a transaction"],
]
for (const [what, files, message] of refused) {
  test(`${what} is refused before anything is applied`, async ({ sql, folder, write }) => {
    await write(files)
    await expect(migrate(sql, { folder })).rejects.toThrow(message)
    expect([...(await sql`select to_regclass('catalog.migrations') as record`)]).toEqual([{ record: null }])
  })
}

async function functionsOf(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select oid::regprocedure::text as name from pg_proc where pronamespace = 'catalog'::regnamespace order by 1
  `
  return rows.map(({ name }) => name)
}
