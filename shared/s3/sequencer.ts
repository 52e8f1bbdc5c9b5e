/** Wider than any sequencer seen (18 digits). */
const WIDTH = 32

/** AWS puts the Unix seconds in which a write was started behind two zeros; S3 alike services send other things. */
const PATTERN = /^00([0-9A-F]{8})[0-9A-F]{0,22}$/

/** How far a sequencer's own time may lie from the version's Last-Modified, in seconds. */
const TOLERANCE = 300

/**
 * The sequencer of an event in a form that compares as text, or '' when it must not be used to order versions. AWS says:
 * right-pad the shorter with zeros, then compare. It is believed only when the time inside it agrees with the version's
 * own: LocalStack sends one constant and Ceph one that does not sort, and whoever has none is looked up instead.
 */
export function usableSequencer(sequencer: string | undefined, lastModified: Date): string {
  const upper = sequencer?.toUpperCase() ?? ''
  const seconds = Number.parseInt(PATTERN.exec(upper)?.[1] ?? '', 16)
  if (!(Math.abs(seconds - lastModified.getTime() / 1000) <= TOLERANCE)) return ''
  return upper.padEnd(WIDTH, '0')
}
