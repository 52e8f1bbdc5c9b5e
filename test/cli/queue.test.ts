import { expect, onTestFinished, test } from 'vitest'
import { openQueues } from '../../cli/connect/queue.ts'

const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' }

test.each([
  ['http://127.0.0.1:9123/000000000000/dead', 'http://127.0.0.1:9123'],
  ['https://sqs.eu-central-1.amazonaws.com/000000000000/dead', 'https://sqs.eu-central-1.amazonaws.com'],
])('requests about the queue %s went to the S3 that the catalog follows', async (deadLetterQueueUrl, expected) => {
  const target = { apiUrl: 'http://127.0.0.1:8123', s3Url: 'http://127.0.0.1:7480', region: 'us-east-1', credentials }
  const { sqs } = await openQueues({ ...target, deadLetterQueueUrl })
  onTestFinished(() => sqs.destroy())
  const { protocol, hostname, port } = (await sqs.config.endpoint?.()) ?? {}
  expect(`${protocol}//${hostname}${port ? `:${port}` : ''}`).toBe(expected)
})

test('the names of the local queues are not looked up in AWS', async () => {
  const queueUrl = 'https://sqs.eu-central-1.amazonaws.com/000000000000/events'
  const target = { apiUrl: 'https://api.example.com', region: 'eu-central-1', credentials, queueUrl }
  await expect(openQueues(target)).rejects.toThrow('No queue given: set CATALOG_DEAD_LETTER_QUEUE_URL')
})
