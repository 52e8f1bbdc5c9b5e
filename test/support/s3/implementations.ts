/** An implementation of S3 whose answers differ from those of AWS. */
export const IMPLEMENTATIONS = ['ceph', 'minio', 'moto'] as const
export type Implementation = (typeof IMPLEMENTATIONS)[number]
