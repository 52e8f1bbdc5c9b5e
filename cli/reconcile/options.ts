import { type Command, InvalidArgumentError, Option } from 'commander'
import { GRACE_SECONDS, REQUEST_RATE } from '../../shared/limits.ts'
import { numberBetween } from '../terminal/numbers.ts'
import { shellQuote } from '../terminal/print.ts'

/** The flags of commands that start runs of the reconciler. */
export type RunFlags = { prefix: string[]; rate: number; grace: number; json?: boolean }

/** Adds the flags of RunFlags to a command. */
export function addRunOptions(command: Command): Command {
  return command
    .option('--prefix <prefix>', 'only keys with this prefix; may be repeated', (one, all: string[]) => [...all, one], [])
    .addOption(
      new Option('--rate <n>', 'the most requests to S3 per second')
        .argParser(numberBetween(1, REQUEST_RATE.max))
        .default(REQUEST_RATE.default),
    )
    .addOption(graceOption())
    .option('--json', 'print the runs as JSON')
}

/** The flag `--grace`, in seconds. */
export function graceOption(): Option {
  return new Option('--grace <seconds>', 'a difference counts only if it still exists after this time')
    .argParser(numberBetween(0, GRACE_SECONDS.max))
    .default(GRACE_SECONDS.default)
}

/** The flags that select and limit a run, as they are typed. `sample` is a share (0 to 1). */
export function runFlags(run: { prefix: string[]; rate?: number; sample?: number; bucketDeleted?: boolean }): string {
  const { prefix, rate, sample = 0, bucketDeleted = false } = run
  return [
    ...prefix.map(one => ` --prefix ${shellQuote(one)}`),
    rate === undefined || rate === REQUEST_RATE.default ? '' : ` --rate ${rate}`,
    sample === 0 ? '' : sample === 1 ? ' --full' : ` --sample ${sample}`,
    bucketDeleted ? ' --bucket-deleted' : '',
  ].join('')
}

/** Parses ids of runs, which may be repeated. */
export function parseId(text: string, before: number[] = []): number[] {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('Must be the id of a run.')
  return [...before, Number(text)]
}
