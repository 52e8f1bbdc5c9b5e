import { createHash } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { connect } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { databaseTest } from '../../support/postgres/database.ts'
import { type Files, migrationTest as test } from '../../support/postgres/migrations.ts'

const TWO = {
  '0001_animal.sql': "create table animal (name text primary key);\ninsert into animal values ('cat');\n",
  '0002_legs.sql': 'alter table animal add legs integer;\nupdate animal set legs = 4;\n',
}

test('files are applied in order, once, and recorded', async ({ sql, folder, write }) => {
  await write(TWO)
  const lines: string[] = []
  expect(await migrate(sql, { folder, log: line => lines.push(line) })).toEqual({ applied: Object.keys(TWO), already: [] })
  expect(await migrate(sql, { folder, log: line => lines.push(line) })).toEqual({ applied: [], already: Object.keys(TWO) })
  expect([...(await sql`select * from animal`)]).toEqual([{ name: 'cat', legs: 4 }])
  expect(lines.map(line => line.replace(/\d+ ms/, 'n ms'))).toEqual([
    'applied 0001_animal.sql in n ms',
    'applied 0002_legs.sql in n ms',
    '2 applied, 0 already there',
    '0 applied, 2 already there',
  ])
  const record =
    await sql`select name, sha256, applied_at > now() - interval '1 minute' as recent from catalog.migrations order by name`
  expect([...record]).toEqual([
    { name: '0001_animal.sql', sha256: sha256(TWO['0001_animal.sql']), recent: true },
    { name: '0002_legs.sql', sha256: sha256(TWO['0002_legs.sql']), recent: true },
  ])
})

test('a file that came later is applied on top', async ({ sql, folder, write }) => {
  await write(TWO)
  await migrate(sql, { folder })
  await write({ '0003_tail.sql': 'alter table animal add tail boolean;' })
  expect(await migrate(sql, { folder })).toEqual({ applied: ['0003_tail.sql'], already: Object.keys(TWO) })
})

test('of eight runners at once exactly one applies each file, the others wait and find it there', async ({
  database,
  folder,
  write,
}) => {
  await write({ ...TWO, '0003_nap.sql': 'select pg_sleep(0.2);', '0004_tail.sql': 'alter table animal add tail boolean;' })
  const clients = Array.from({ length: 8 }, () => connect({ url: database.url, max: 1 }))
  const reports = await Promise.all(clients.map(client => migrate(client, { folder })))
  await Promise.all(clients.map(client => client.end()))
  const names = [...Object.keys(TWO), '0003_nap.sql', '0004_tail.sql']
  expect(reports.flatMap(report => report.applied).sort()).toEqual(names)
  for (const { applied, already } of reports) expect([...applied, ...already].sort()).toEqual(names)
})

test('a file that fails leaves no trace, the ones before it stay, and the error names file and line', async ({
  sql,
  folder,
  write,
}) => {
  await write({ ...TWO, '0003_wrong.sql': '-- 🐈 counts once\ncreate table half (n integer);\n\nselect nothing\nfrom animal;\n' })
  await expect(migrate(sql, { folder })).rejects.toThrow('0003_wrong.sql, line 4: column "nothing" does not exist (42703)')
  expect([...(await sql`select name, to_regclass('half') as half from catalog.migrations order by name`)]).toEqual([
    { name: '0001_animal.sql', half: null },
    { name: '0002_legs.sql', half: null },
  ])
  await write({ '0003_wrong.sql': 'select 1;' })
  expect((await migrate(sql, { folder })).applied).toEqual(['0003_wrong.sql'])
})

test('an error without a position in the file names the file and what Postgres adds', async ({ sql, folder, write }) => {
  await write({ ...TWO, '0003_twice.sql': "insert into animal values ('cat');" })
  await expect(migrate(sql, { folder })).rejects.toThrow(
    '0003_twice.sql: duplicate key value violates unique constraint "animal_pkey" (23505)\nKey (name)=(cat) already exists.',
  )
})

test('a file that changed after it was applied is refused before anything is applied', async ({ sql, folder, write }) => {
  await write(TWO)
  await migrate(sql, { folder })
  await write({ '0002_legs.sql': 'select 1;', '0003_tail.sql': 'alter table animal add tail boolean;' })
  await expect(migrate(sql, { folder })).rejects.toThrow('0002_legs.sql was changed after it was applied')
  expect([...(await sql`select name from catalog.migrations order by name`)].map(row => row.name)).toEqual(Object.keys(TWO))
})

test('a file with the line ends of Windows is the same file', async ({ sql, folder, write }) => {
  await write(TWO)
  await migrate(sql, { folder })
  await write(Object.fromEntries(Object.entries(TWO).map(([name, text]) => [name, text.replaceAll('\n', '\r\n')])))
  expect(await migrate(sql, { folder })).toEqual({ applied: [], already: Object.keys(TWO) })
})

test('a file that was applied and is missing is refused', async ({ sql, folder, write }) => {
  await write(TWO)
  await migrate(sql, { folder })
  await rm(join(folder, '0002_legs.sql'))
  await expect(migrate(sql, { folder })).rejects.toThrow('0002_legs.sql was applied to this database, but is missing here')
  await rename(join(folder, '0001_animal.sql'), join(folder, '0001_beast.sql'))
  await expect(migrate(sql, { folder })).rejects.toThrow('0001_animal.sql was applied to this database, but is missing here')
})

const refused: [string, Files, string][] = [
  ['a gap', { '0001_a.sql': '', '0003_c.sql': '' }, '0003_c.sql leaves a gap: number 0002 is missing'],
  ['a first number other than 1', { '0002_b.sql': '' }, '0002_b.sql leaves a gap: number 0001 is missing'],
  ['a number used twice', { '0001_a.sql': '', '0001_b.sql': '' }, '0001_b.sql has the same number as 0001_a.sql'],
  ['a name without a number', { 'a.sql': '' }, 'a.sql is not a valid name: expected NNNN_noun.sql or functions/name.sql'],
  ['a short number', { '1_a.sql': '' }, '1_a.sql is not a valid name: expected NNNN_noun.sql or functions/name.sql'],
  ['capitals', { '0001_A.SQL': '' }, '0001_A.SQL is not a valid name: expected NNNN_noun.sql or functions/name.sql'],
  ['a file that wants no transaction', { '0001_a.sql': '-- no transaction\n' }, '0001_a.sql asks for no transaction'],
  ['a commit', { '0001_a.sql': 'select 1;\n commit ;' }, "0001_a.sql, line 2: a migration can't end or begin a transaction"],
]
for (const [what, files, message] of refused) {
  test(`${what} is refused before anything is applied`, async ({ sql, folder, write }) => {
    await write(files)
    await expect(migrate(sql, { folder })).rejects.toThrow(message)
    expect([...(await sql`select to_regclass('catalog.migrations') as record`)]).toEqual([{ record: null }])
  })
}

test('the generated schema file and what is no SQL are passed over', async ({ sql, folder, write }) => {
  await write({ ...TWO, 'schema.sql': 'no migration', 'README.md': 'neither' })
  expect((await migrate(sql, { folder })).applied).toEqual(Object.keys(TWO))
})

test('limits of time for requests do not stop a migration', async ({ database, folder, write }) => {
  await write({ '0001_nap.sql': 'select pg_sleep(0.3);' })
  const url = new URL(database.url)
  url.searchParams.set('statement_timeout', '100')
  const hurried = connect({ url: url.href, max: 1 })
  expect([...(await hurried`show statement_timeout`)]).toEqual([{ statement_timeout: '100ms' }])
  expect((await migrate(hurried, { folder })).applied).toEqual(['0001_nap.sql'])
  expect([...(await hurried`show statement_timeout`)]).toEqual([{ statement_timeout: '100ms' }])
  await hurried.end()
})

databaseTest('the migrations of the catalog apply, and a second run finds them there', async ({ sql }) => {
  const again = await migrate(sql, { folder: join(import.meta.dirname, '../../../migrations') })
  expect(again.applied).toEqual([])
  const tables = await sql`
    select relname
    from pg_class
    where relname in ('storage_objects', 'storage_versions', 'storage_audit', 'storage_hooks')
    order by relname`
  expect(tables.map(table => table.relname)).toEqual(['storage_audit', 'storage_hooks', 'storage_objects', 'storage_versions'])
})

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
