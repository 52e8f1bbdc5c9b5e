import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logAudit } from '../../shared/catalog/audit.ts'
import { recordObjects } from '../../shared/catalog/objects.ts'
import { recordVersion } from '../../shared/catalog/versions.ts'
import { connect } from '../../shared/database/connection.ts'
import { type TestCatalog, testCatalog } from '../cli/catalog.ts'
import { runInTerminal } from '../cli/terminal.ts'

const FILE = join(import.meta.dirname, '../../docs/cli.md')

/** A screen of the page: a comment with the columns of the terminal, the command, and what a person sees. */
const SCREEN = /<!-- a terminal of (\d+) columns -->\n```console\n\$ npx catalog ([^\n]+)\n(.*?)```/gs

const page = readFileSync(FILE, 'utf8')
const screens = [...page.matchAll(SCREEN)].map(([, columns, command = '', shown = '']) => ({
  columns: Number(columns),
  command,
  shown,
}))

let given: TestCatalog

beforeAll(async () => {
  given = await testCatalog()
  await record(given.catalog.databaseUrl)
})

afterAll(() => given?.[Symbol.asyncDispose]())

test('the page on the command line has screens of 80, 100 and 120 columns', () => {
  expect(screens.map(({ columns }) => columns)).toEqual(expect.arrayContaining([80, 100, 120]))
})

// With WRITE_SCREENS=1 the page gets what the commands print.
test.each(screens)(
  'in $columns columns, npx catalog $command prints what the page shows',
  async ({ columns, command, shown }) => {
    const { lines, isWrapped } = await runInTerminal(wordsOf(command), columns, { CATALOG_DATA: join(given.folder, 'data') })
    const seen = `${lines.join('\n')}\n`
    if (process.env.WRITE_SCREENS)
      writeFileSync(
        FILE,
        readFileSync(FILE, 'utf8').replace(`${command}\n${shown}\`\`\``, () => `${command}\n${seen}\`\`\``),
      )
    else expect(seen).toBe(shown)
    expect(isWrapped).toBe(false)
  },
)

/** The words of a command line; those in quotes may have spaces. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word)
}

const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

/** What the screens show, with fixed ids and times; of a backend whose events no bucket sends. */
async function record(url: string): Promise<void> {
  const sql = connect({ url, max: 1 })
  const at = (time: string) => new Date(`2026-03-${time}Z`)
  const [first, second] = ['3sL4kqtJlcpXroDTDmJ_rmSpXd3dIbrH', 'QUpfdndhfd8438MNFDN93jdnJFkdmqnh']
  try {
    const common = { bucket: 'archive', storageBackend: 'files' }
    await recordObjects(sql, [
      {
        ...common,
        key: 'contracts/2026/supply-agreement-kestrel-and-sons.docx',
        size: 48_213,
        contentType: DOCX,
        versionId: first,
        lastModified: at('12T09:30:00'),
      },
      {
        ...common,
        key: 'photos/team 👩‍👩‍👧 offsite kestrel.jpg',
        size: 3_412_004,
        contentType: 'image/jpeg',
        versionId: first,
        lastModified: at('02T16:05:41'),
      },
      {
        ...common,
        bucket: 'scans',
        key: '請求書/kestrel-0001.pdf',
        size: 912,
        contentType: 'application/pdf',
        versionId: first,
        lastModified: at('14T15:09:26'),
      },
    ])
    const key = 'contracts/2026/supply-agreement.docx'
    await recordVersion(sql, {
      ...common,
      key,
      versionId: first,
      size: 45_056,
      lastModified: at('10T08:00:00'),
      createdBy: 'ann',
    })
    await recordVersion(sql, {
      ...common,
      key,
      versionId: second,
      size: 48_213,
      lastModified: at('12T09:30:00'),
      createdBy: 'ben',
      comment: 'payment terms as agreed on the phone with Kestrel',
    })
    await logAudit(sql, [
      {
        action: 'UPLOAD',
        occurredAt: at('12T09:30:00'),
        userName: 'ben',
        bucket: 'archive',
        key,
        versionId: second,
        ipAddress: '10.1.4.7',
        source: 'api',
      },
      {
        action: 'DOWNLOAD',
        occurredAt: at('14T15:09:26'),
        userName: 'arn:aws:sts::123456789012:assumed-role/archive-reader/ann',
        bucket: 'archive',
        key,
        ipAddress: '2001:db8:85a3::8a2e:370:7334',
        source: 'api',
      },
    ])
  } finally {
    await sql.end()
  }
}
