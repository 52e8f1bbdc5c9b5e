import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordObjects } from '../../../shared/catalog/objects.ts'
import { searchObjects } from '../../../shared/search/search.ts'
import { freshDatabase, type TestDatabase } from '../../support/postgres/database.ts'

const COMBINING_ACUTE = '\u0301'

/** Real file names; the searches that must find each, and some that must not. */
const NAMES: { key: string; finds: string[]; misses: string[] }[] = [
  {
    key: 'documents/invoice-2024-001.pdf',
    finds: [
      'invoice',
      '2024',
      'invoice 2024',
      'pdf',
      'invo*',
      'invoice-2024-001.pdf',
      'documents/invoice-2024-001.pdf',
      'INVOICE',
      '001',
      '*.pdf',
      'invo*.pdf',
    ],
    misses: ['voice', 'invoices', '2025', '01', 'doc', '"2024 invoice"'],
  },
  {
    key: 'src/main/java/InvoiceControllerTest.java',
    finds: [
      'invoice controller',
      'InvoiceController*',
      'invoicecontrollertest.java',
      'controller',
      'INVOICECONTROLLERTEST',
      'src/main/java',
    ],
    misses: ['controllertest', 'invoicetest'],
  },
  {
    key: 'lib/HTTPServer2.ts',
    finds: ['http', 'server', 'httpserver', 'httpserver2', 'HTTPServer2.ts', 'http server 2', 'HttpServer2', 'httpserv*'],
    misses: ['https', 'erver'],
  },
  {
    key: 'docs/README.md',
    finds: ['readme', 'ReadMe', 'readme.md', 'README', 'read*'],
    misses: ['me', 'dme'],
  },
  {
    key: 'docs/ReadMe-First.txt',
    finds: ['readme', 'readme first', 'read me first', 'readme-first.txt', '"readme first"', 'ReadMe-First.txt'],
    misses: ['"first readme"'],
  },
  {
    key: 'DCIM/100APPLE/IMG_4711.HEIC',
    finds: ['img_4711', 'img 4711', '4711', 'heic', 'IMG_4711.HEIC', '100apple', 'apple', 'img_47*'],
    misses: ['471', 'img4711x'],
  },
  {
    key: 'photos/IMG20240102_153000.jpg',
    finds: ['20240102', '2024*', 'img', '153000', 'img20240102', 'img20240102_153000.jpg', 'img2024*'],
    misses: ['2024', '0102'],
  },
  {
    key: 'phones/iPhone14Pro-manual.pdf',
    finds: ['iphone', 'iPhone', 'iphone 14', 'iphone14', 'iphone14pro', 'pro', 'iphone14pro-manual.pdf', 'iPhone14Pro'],
    misses: ['phone15', 'iphone15'],
  },
  {
    key: 'releases/storage-catalog-v2.13.0-rc.1.tar.gz',
    finds: ['v2.13.0', '2.13', 'v2', 'rc.1', 'tar.gz', 'storage catalog', 'catalog-v2', '"2.13.0"', '2.13.0-rc.1'],
    misses: ['2.1', 'v13', '"13.2"'],
  },
  {
    key: 'backup/db/dump-2024-01-31T03-00-00Z.sql.zst',
    finds: ['2024-01-31', 'dump 2024', 'sql', 'zst', 'dump-2024-01-31T03-00-00Z.sql.zst', '31t03', '2024 <-> 01'],
    misses: ['2024-31-01', '"01 2024"'],
  },
  { key: 'scans/2023_12_24 Christmas.tiff', finds: ['2023_12_24', 'christmas', '12 24', 'christ*'], misses: ['2024', 'mas'] },
  {
    key: 'letters/24.12.2023 Brief an Oma.doc',
    finds: ['24.12.2023', '24.12', 'brief oma', 'brief an oma'],
    misses: ['"oma brief"'],
  },
  {
    key: 'teams/finance/annual report 2023 (final).docx',
    finds: ['annual report', '"annual report"', 'final', 'report 2023 (final)', 'finance & report'],
    misses: ['"report annual"', 'draft'],
  },
  {
    key: 'teams/finance/annual_report-draft.docx',
    finds: ['"annual report"', 'annual draft', 'annual -final', 'annual & !final'],
    misses: ['annual -draft', 'annual & !draft'],
  },
  {
    key: 'Music/Abbey Road/01 - Come Together.mp3',
    finds: ['01 - Come Together.mp3', 'abbey road', 'come together', '"abbey road"'],
    misses: ['together*come*x'],
  },
  { key: "music/Rock'n'Roll.mp3", finds: ["rock'n'roll", 'rock', 'rock n roll', "Rock'n'Roll.mp3"], misses: ['rocknroll'] },
  { key: "legal/men's-contract.txt", finds: ["men's", 'men', 'contract'], misses: ['mens'] },
  {
    key: 'films/Tom & Jerry.mp4',
    finds: ['Tom & Jerry.mp4', 'tom jerry', 'jerry | spike', 'jerry or spike'],
    misses: ['tom & spike', 'tommy'],
  },
  { key: 'songs/Now or Never.mp3', finds: ['Now or Never.mp3', 'never', 'now never'], misses: ['nevermore'] },
  { key: 'src/c++/vector+map.cpp', finds: ['c++', 'vector+map', 'vector map', 'cpp', 'vector+map.cpp'], misses: ['vectormap'] },
  { key: 'math/a+b=c.txt', finds: ['a+b=c', 'a b c', 'a+b=c.txt'], misses: ['ab'] },
  { key: 'web/100%41 off.html', finds: ['%41', '100%41', '41', 'off.html'], misses: ['A', '100a'] },
  { key: 'web/a%20b%2Fc.txt', finds: ['a%20b%2Fc.txt', '20b', 'a%20b'], misses: ['"a b"'] },
  {
    key: 'mail/jane.doe+tag@example.com.eml',
    finds: ['jane.doe', 'doe', 'example.com', 'jane.doe+tag@example.com', 'eml'],
    misses: ['janedoe'],
  },
  { key: 'urls/https---example.com-path.html', finds: ['https---example.com', 'example', 'path'], misses: ['http'] },
  { key: 'conf/.gitignore', finds: ['gitignore', '.gitignore', '.git*', 'git*'], misses: ['ignore', 'git'] },
  { key: 'conf/nginx.conf.d/default.conf~', finds: ['nginx.conf.d', 'default.conf', 'default.conf~'], misses: ['defaults'] },
  {
    key: 'python/test_umath__complex.py',
    finds: ['test_umath', '__complex', 'umath complex', 'test_umath__complex.py'],
    misses: ['math'],
  },
  { key: 'a//b/../c.txt', finds: ['c.txt', 'b c', 'a//b/../c.txt'], misses: ['abc'] },
  { key: '/leading/slash.txt', finds: ['slash', '/leading', '/leading/slash.txt'], misses: ['lead'] },
  { key: 'folders/Tax Documents/', finds: ['tax documents', 'folders', 'Tax Documents/'], misses: ['taxes'] },
  {
    key: `menus/Cafe${COMBINING_ACUTE} Ole${COMBINING_ACUTE}.pdf`,
    finds: ['café', 'cafe', 'CAFÉ olé', `cafe${COMBINING_ACUTE}`, 'ole.pdf'],
    misses: ['caf'],
  },
  {
    key: 'menus/Crème Brûlée.txt',
    finds: ['creme', 'crème', 'CRÈME BRÛLÉE', 'brulee', 'brûl*', `Cre\u0300me`],
    misses: ['crme'],
  },
  {
    key: 'briefe/Straße Größe Übung.odt',
    finds: ['straße', 'STRASSE', 'strasse', 'größe', 'grosse | groß*', 'ubung', 'ÜBUNG'],
    misses: ['bung'],
  },
  { key: 'podróże/Łódź-2023.jpg', finds: ['łódź', 'lodz', 'ŁÓDŹ 2023', 'podroze'], misses: ['dz'] },
  { key: 'nordic/Smørrebrød.txt', finds: ['smørrebrød', 'smorrebrod', 'SMØRREBRØD'], misses: ['sm'] },
  {
    key: 'документы/Отчёт за 2024 год.docx',
    finds: ['отчёт', 'отчет', 'ОТЧЁТ', 'документы', 'отч*', '2024 год'],
    misses: ['чёт', 'отчёты'],
  },
  { key: 'ελληνικά/ΟΔΟΣ Αθηνών.pdf', finds: ['οδος', 'ΟΔΌΣ', 'αθηνων', 'ελληνικα'], misses: ['οδο'] },
  {
    key: '資料/2024年度報告書.pdf',
    finds: ['報告', '報告書', '年度', '2024年度報告書', '2024', '2024年*', '資料'],
    misses: ['告報', '報書', '2023年'],
  },
  { key: 'ドキュメント/請求書ABC.pdf', finds: ['請求書', '請求', 'ABC', 'abc', 'ドキュメント', 'キュメ'], misses: ['求請'] },
  { key: '문서/보고서 2024.hwp', finds: ['보고서', '보고*', '문서'], misses: ['고서'] },
  { key: 'مستندات/تقرير ٢٠٢٤.pdf', finds: ['تقرير', '2024', '٢٠٢٤'], misses: ['2023'] },
  { key: 'हिन्दी/रिपोर्ट.pdf', finds: ['हिन्दी', 'रिपोर्ट', 'रिपोर्ट.pdf'], misses: ['पोर्ट'] },
  { key: 'wide/ＩＮＶＯＩＣＥ２０２４.txt', finds: ['invoice2024', 'invoice', '2024', 'ｉｎｖｏｉｃｅ'], misses: ['ice'] },
  { key: 'ligatures/eﬃcient №5.txt', finds: ['efficient', 'eﬃcient', 'no5', '5'], misses: ['fficient'] },
  { key: 'party/🎉 party 🎂.png', finds: ['🎉', 'party', '🎂', '🎉 party', 'party 🎂.png'], misses: ['🎁', '"🎂 party"'] },
  { key: 'family/👨‍👩‍👧.jpg', finds: ['👨‍👩‍👧', '👩', 'family'], misses: ['👦'] },
  { key: 'odd/---', finds: ['---', ' --- '], misses: ['--', '----'] },
  { key: 'odd/!!!', finds: ['"!!!"'], misses: ['"!!"'] },
  { key: 'odd/_._', finds: ['_._', 'odd'], misses: ['_'] },
  { key: "odd/'\\'", finds: ["'\\'"], misses: ["''"] },
  { key: 'ctrl/tab\there\nline.txt', finds: ['tab', 'here', 'line', 'tab here line'], misses: ['tabhere'] },
  { key: 'nul/a\0b\x01c.bin', finds: ['a b c', 'bin', 'a\0b'], misses: ['abc'] },
]

let database: TestDatabase

beforeAll(async () => {
  database = await freshDatabase()
  await recordObjects(
    database.sql,
    NAMES.map(({ key }, i) => ({ bucket: `bucket-${i}`, key, size: 0 })),
  )
})

afterAll(() => database[Symbol.asyncDispose]())

test.for(NAMES.map((name, i) => ({ ...name, bucket: `bucket-${i}` })))(
  '$key is found by each of its searches',
  async ({ key, bucket, finds, misses }) => {
    const keysFound = async (query: string) => (await searchObjects(database.sql, { query, bucket })).items.map(item => item.key)
    const results = async (queries: string[]) => Promise.all(queries.map(async query => [query, await keysFound(query)]))
    expect({ finds: await results(finds), misses: await results(misses) }).toEqual({
      finds: finds.map(query => [query, [key]]),
      misses: misses.map(query => [query, []]),
    })
  },
)

test.for(NAMES)('$key is found among all the others by its name in quotes, in upper, lower and its own case', async ({ key }) => {
  const name = key.replace(/\/+$/, '').replace(/^.*\//s, '')
  for (const query of [`"${name}"`, `"${name.toLowerCase()}"`, `"${name.toUpperCase()}"`]) {
    const { items } = await searchObjects(database.sql, { query })
    expect(
      items.map(item => item.key),
      query,
    ).toContain(key)
  }
})
