import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { type FunctionName, functionNames, type StartedBy } from '../../shared/functions.ts'
import type { Data } from '../data-stack.ts'
import type { Options } from '../options.ts'
import { lambda } from './lambda.ts'
import { receiveMessages } from './receive-messages.ts'

/** Every function but the migrator, which a deployment invokes before it updates these. */
export type Functions = Record<StartedBy<'queue' | 'api' | 'schedule'>, Lambda>

/** Every function of a stage. */
export type AllFunctions = Record<FunctionName, Lambda>

/** The functions, and the queue that the indexer receives from. */
export function functions(scope: Construct, options: Options, data: Data): Functions {
  const names = functionNames('queue', 'api', 'schedule')
  const made = Object.fromEntries(names.map(name => [name, lambda(scope, options, data, name)])) as Functions
  for (const name of functionNames('queue')) receiveMessages(made[name], options.stage, data)
  return made
}
