/** Wider than any sequencer seen (18 digits). */
const WIDTH = 32

/** AWS puts the Unix seconds at which a write was started after two zeros (measured). Other implementations of S3 send other forms. */
const PATTERN = /^00([0-9A-F]{8})[0-9A-F]{0,22}$/

/** How far a sequencer's own time may differ from the version's Last-Modified, in seconds. */
const TOLERANCE = 300

/**
 * The sequencer of an event in a form that compares as text, or '' when it must not be used to order versions. The rule is AWS's: pad the
 * shorter one with zeros on the right, then compare (S3 user guide, "Event message structure"). It is used only when the time in it
 * agrees with Last-Modified: LocalStack sends a constant, and Ceph one that does not sort. Without one, S3 is asked for the latest version.
 */
export function usableSequencer(sequencer: string | undefined, lastModified: Date): string {
  const upper = sequencer?.toUpperCase() ?? ''
  const seconds = Number.parseInt(PATTERN.exec(upper)?.[1] ?? '', 16)
  if (!(Math.abs(seconds - lastModified.getTime() / 1000) <= TOLERANCE)) return ''
  return upper.padEnd(WIDTH, '0')
}
