import type { ServerResponse } from 'node:http'
import { SqsError } from './errors.ts'
import type { Queue } from './queue.ts'

/** The parameters of an action. */
export type Input = Record<string, unknown>

/** What an action works on: the queues, the base of their URLs, and the response, whose end ends a long poll. */
export type SqsContext = { endpoint: { queues: Queue[]; closing: AbortSignal }; baseUrl: string; response: ServerResponse }

/** The queue that the parameter QueueUrl names; QueueDoesNotExist if there is none. */
export function queueOf({ endpoint }: SqsContext, input: Input): Queue {
  return queueNamed(
    endpoint.queues,
    String(input.QueueUrl ?? '')
      .split('/')
      .at(-1) ?? '',
  )
}

/** The queue of that name; QueueDoesNotExist if there is none. */
export function queueNamed(queues: Queue[], name: string): Queue {
  const queue = queues.find(one => one.name === name)
  if (queue) return queue
  throw new SqsError('QueueDoesNotExist', 'The specified queue does not exist.', 400, 'AWS.SimpleQueueService.NonExistentQueue')
}

/** An integer parameter within limits; InvalidParameterValue otherwise. */
export function integer(input: Input, name: string, fallback: number, min: number, max: number): number {
  const value = Number(input[name] ?? fallback)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  const message = `Value ${String(input[name])} for parameter ${name} is invalid. Reason: Must be between ${min} and ${max}, if provided.`
  throw new SqsError('InvalidParameterValue', message)
}

/** A parameter that is a list of texts; empty if it is missing. */
export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
