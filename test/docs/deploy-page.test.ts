import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8')

test.each([
  { what: 'other notifications are kept', before: { QueueConfigurations: [{ Id: 'theirs', QueueArn: 'arn', Events: [] }] } },
  { what: 'a bucket without any has nothing but EventBridge', before: undefined },
])('when EventBridge is switched on for an adopted bucket, $what', ({ before }) => {
  const [, command = ''] = /```sh\n(node -e .*?)```/s.exec(PAGE) ?? []
  const folder = mkdtempSync(join(tmpdir(), 'storage-catalog-deploy-'))
  // The AWS CLI prints nothing at all for a bucket without notifications.
  writeFileSync(join(folder, 'notifications.json'), before ? JSON.stringify(before) : '')
  execFileSync('sh', ['-c', command], { cwd: folder })
  expect(JSON.parse(readFileSync(join(folder, 'notifications.json'), 'utf8'))).toEqual({
    ...before,
    EventBridgeConfiguration: {},
  })
  rmSync(folder, { recursive: true })
})

test('the page lists every context that the app reads, and no other', () => {
  const options = readFileSync(join(import.meta.dirname, '../../infra/options.ts'), 'utf8')
  const read = [...options.matchAll(/text\(node, '(\w+)'\)/g)].map(([, name = '']) => name).filter(name => name !== 'migrations')
  const [table = ''] = /\| context \|.*?\n\n/s.exec(PAGE) ?? []
  const listed = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  )
  expect(listed.sort()).toEqual([...new Set(read)].sort())
})
