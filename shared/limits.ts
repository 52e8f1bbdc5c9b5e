/** The most items of a page. */
export const MAX_PAGE_SIZE = 1000

/** The longest key, in bytes of UTF-8. Source: S3 user guide, "Naming Amazon S3 objects". */
export const MAX_KEY_BYTES = 1024

/** The most entries of one request that appends many. */
export const MAX_BATCH_ITEMS = 1000
