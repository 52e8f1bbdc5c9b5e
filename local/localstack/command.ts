import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** The flags that a script was given. */
export type Flags = Record<string, string | boolean | undefined>

/** Runs a script, or prints its help. An error prints its message and ends the script with 1. */
export async function runScript(
  name: string,
  help: string,
  options: ParseArgsOptionsConfig,
  act: (flags: Flags) => Promise<void>,
): Promise<void> {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } })
    if (values.help)
      console.log(`Usage: npm run ${name}${Object.keys(options).length > 0 ? ' -- [options]' : ''}\n\n${help.trim()}`)
    else await act(values as Flags)
  } catch (error) {
    const isUsage = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
    console.error(`${name}: ${error instanceof Error ? error.message : error}${isUsage ? `. See npm run ${name} -- --help` : ''}`)
    process.exitCode = 1
  }
}

/** Runs a step of a script and prints its name and duration. */
export async function step<T>(what: string, act: () => Promise<T>): Promise<T> {
  console.log(`${what} ...`)
  const start = performance.now()
  const result = await act()
  console.log(`${what}: done in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  return result
}
