/** The caller's input is wrong; the message says what and may be shown to them. */
export class Invalid extends Error {
  override name = 'Invalid'
}

/** What was asked for is not there. */
export class NotFound extends Error {
  override name = 'NotFound'
}

/** What is there does not allow what was asked for. */
export class Conflict extends Error {
  override name = 'Conflict'
}
