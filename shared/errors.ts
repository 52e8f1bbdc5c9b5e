/** The input of the caller is wrong. The message says why, and may be shown to them. */
export class Invalid extends Error {
  override name = 'Invalid'
}

/** The requested thing does not exist. */
export class NotFound extends Error {
  override name = 'NotFound'
}

/** The current state does not allow the request. */
export class Conflict extends Error {
  override name = 'Conflict'
}
