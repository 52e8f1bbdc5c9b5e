/** What lists a bucket and the versions of its objects. */
export const LIST_ACTIONS = ['s3:ListBucket', 's3:ListBucketVersions']

/** What reads objects and their tags, of all versions. A HEAD needs the right to read the object. */
export const READ_ACTIONS = ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectTagging', 's3:GetObjectVersionTagging']

/** The writes that a function requests itself. A put is requested by whoever has a URL that it signed, from outside of the network. */
export const WRITE_ACTIONS = [
  's3:DeleteObject',
  's3:PutObjectTagging',
  's3:PutObjectVersionTagging',
  's3:DeleteObjectTagging',
  's3:DeleteObjectVersionTagging',
]
