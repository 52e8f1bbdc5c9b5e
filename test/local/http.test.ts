import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { serve } from '../../local/http.ts'

test('a client that sends its headers slowly was kept for eighty seconds', async () => {
  const server = await serve(0, (_, response) => void response.end('ok'), { headersMs: 100 })
  onTestFinished(() => server.close())
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /)
  expect(await (await fetch(server.url)).text()).toBe('ok')
})
