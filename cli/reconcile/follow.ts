import { setTimeout as sleep } from 'node:timers/promises'
import type { RunKind } from '../../shared/names.ts'
import { getJson, postJson } from '../connect/get-json.ts'
import { npxCommand, type Target, type TargetFlags } from '../connect/target.ts'
import { CliError } from '../terminal/cli-error.ts'
import { logLine, printable } from '../terminal/print.ts'
import { onStopSignal } from '../terminal/signals.ts'
import type { RunFlags } from './options.ts'
import { type Run, startProgress } from './progress.ts'

/** What a run should do; the rest comes from the flags. */
export type RunSettings<Kind extends RunKind = RunKind> = {
  kind: Kind
  dryRun?: boolean
  fresh?: boolean
  sampleRate?: number
  bucketDeleted?: boolean
  manifest?: string
}

/** Starts a run for each prefix, or one without a prefix; together they make at most `--rate` requests per second. */
export async function startRuns<Kind extends RunKind>(
  target: Target,
  flags: Partial<RunFlags>,
  settings: RunSettings<Kind>,
): Promise<Run<Kind>[]> {
  const prefixes = flags.prefix && flags.prefix.length > 0 ? [...new Set(flags.prefix)] : [undefined]
  const requestsPerSecond = flags.rate && flags.rate / prefixes.length
  const graceSeconds = settings.kind === 'reconcile' ? flags.grace : undefined
  const common = { bucket: target.bucket, requestsPerSecond, graceSeconds, ...settings }
  return Promise.all(prefixes.map(prefix => postJson<Run<Kind>>(target, '/reconciles', { ...common, prefix })))
}

/**
 * Shows the progress of runs until all are finished, and returns them in their order. `total` is the expected number of versions, 0 if unknown.
 * Throws CliError for a run that fails or is stopped, and at Ctrl-C: the runs continue then, and the error says how to follow or stop them.
 */
export async function followRuns<Kind extends RunKind>(
  target: Target,
  flags: TargetFlags,
  started: Run<Kind>[],
  total: number,
): Promise<Run<Kind>[]> {
  const signals = onStopSignal(() => undefined)
  // When one run fails, the others are no longer followed.
  const failure = new AbortController()
  const signal = AbortSignal.any([signals.signal, failure.signal])
  const progress = startProgress(total)
  try {
    return await Promise.all(started.map(run => followRun(target, run, progress.show, signal)))
  } catch (error) {
    if (!signals.signal.aborted) throw error
    const ids = started.map(({ id }) => id)
    const commands = ['--follow', '--stop'].map(flag =>
      npxCommand(`reconcile ${ids.map(id => `${flag} ${id}`).join(' ')}`, flags),
    )
    throw new CliError(`Not following any more; the reconciler continues. Follow: ${commands[0]}   Stop: ${commands[1]}`, {
      exitCode: 130,
    })
  } finally {
    failure.abort()
    progress.end()
    signals.release()
  }
}

/** Milliseconds between two requests for a run: at first, and at most. */
const POLL_MS = { first: 100, most: 2000 }

/** Milliseconds after which a run that nobody works on is worth a line. */
const LONG_WAIT_MS = 120_000

async function followRun<Kind extends RunKind>(
  target: Target,
  started: Run<Kind>,
  show: (run: Run) => void,
  signal: AbortSignal,
): Promise<Run<Kind>> {
  let waitingSince: number | undefined = performance.now()
  for (let interval = POLL_MS.first; ; interval = Math.min(POLL_MS.most, interval * 1.3)) {
    const run = await getJson<Run<Kind>>(target, '/reconcile', { id: started.id })
    show(run)
    const name = `Run ${run.id} (${run.kind} of ${printable(`${run.bucket}/${run.prefix}`)})`
    if (run.state === 'finished' || run.state === 'incomplete') return run
    if (run.state === 'failed') throw new CliError(`${name} failed: ${printable(run.error ?? '')}`)
    if (run.state === 'stopped') throw new CliError(`${name} was stopped. The same command continues it.`, { exitCode: 130 })
    if (run.state === 'running') waitingSince = undefined
    else waitingSince ??= performance.now()
    if (waitingSince !== undefined && performance.now() - waitingSince > LONG_WAIT_MS) {
      logLine(`${name} has been waiting for the reconciler for 2 minutes: look at its log, or start the run again`)
      waitingSince = performance.now()
    }
    await sleep(interval, undefined, { signal })
  }
}
