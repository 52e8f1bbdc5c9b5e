/** The most items of a page. */
export const MAX_PAGE_SIZE = 1000

/** The longest key, in bytes of UTF-8. Source: S3 user guide, "Naming Amazon S3 objects". */
export const MAX_KEY_BYTES = 1024

/** The most entries of one request that appends many. */
export const MAX_BATCH_ITEMS = 1000

/** The differences of a run whose keys are kept; all are counted. */
export const MAX_RECORDED_DIFFERENCES = 10_000

/** The longest page of a list as JSON, in bytes. Lambda returns at most 6 MB, in which the page is a text: quotes and backslashes double. Source: Lambda quotas. */
export const MAX_PAGE_BYTES = 3_000_000

/** The most metadata or tags of an object, a version or an audit entry, in bytes of JSON. S3's own limits are 2 KB and ten tags. */
export const MAX_METADATA_BYTES = 16_384

/** The longest payload or response of a hook's execution, in bytes of JSON. */
export const MAX_PAYLOAD_BYTES = 65_536

/** The shortest response that is compressed, in bytes. */
export const MIN_COMPRESSED_BYTES = 1024

/** The longest execution of a hook, in milliseconds: a year. Means of any number of them are far from the end of a double. */
export const MAX_EXECUTION_MS = 31_536_000_000

/** The requests to S3 per second that a run of the reconciler may be given. AWS allows 5,500 reads per second and prefix. */
export const REQUEST_RATE = { min: 0.01, max: 5000, default: 500 }

/** Days within which S3 is asked again about every version, by default. */
export const REFRESH_DAYS = { min: 2, max: 365, default: 30 }

/** Seconds for which the event of a difference may be on its way, by default and at most. */
export const GRACE_SECONDS = { max: 86_400, default: 60 }
