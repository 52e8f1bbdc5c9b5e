import { readVariables, requireVariables, unknownVariables, type Value } from '../../shared/environment.ts'
import { Invalid } from '../../shared/errors.ts'
import type { FUNCTIONS, FunctionName } from '../../shared/functions.ts'

/** The variables that a function requires: those of its row, in its order. */
type Required<Name extends FunctionName> = (typeof FUNCTIONS)[Name]['environment']

/**
 * The variables that a function requires, and its name, which only Lambda sets. Call it once, at start. Throws Invalid for one that is
 * missing or wrong, and for a CATALOG_ variable that does not exist. The compiler compares `names` with the row of the function:
 * the table itself stays out of the bundle.
 */
export function functionEnvironment<Name extends FunctionName>(
  names: Required<Name>,
  env: NodeJS.ProcessEnv = process.env,
): { [Variable in Required<Name>[number]]: Value<Variable> } & { AWS_LAMBDA_FUNCTION_NAME: string | undefined } {
  const [unknown] = unknownVariables(env)
  if (unknown) throw new Invalid(`${unknown} is not a variable of the catalog: docs/configuration.md lists them`)
  return { ...requireVariables<Required<Name>[number]>(names, env), ...readVariables(['AWS_LAMBDA_FUNCTION_NAME'], env) }
}
