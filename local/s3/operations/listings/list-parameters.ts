import { formEncode } from '../../encoding.ts'
import { invalidArgument } from '../../errors.ts'
import { countParameter, type S3Request } from '../../http/request.ts'

/** The parameters that all listings share. `encode` writes keys as `encoding-type` requires. */
export function listParameters(request: S3Request, countName = 'max-keys') {
  const encoding = request.query.get('encoding-type')
  if (encoding !== undefined && encoding !== 'url')
    throw invalidArgument('Invalid Encoding Method specified in Request', 'encoding-type', encoding)
  return {
    prefix: request.query.get('prefix') ?? '',
    delimiter: request.query.get('delimiter') ?? '',
    encoding,
    encode: encoding === 'url' ? formEncode : (text: string) => text,
    max: countParameter(request, countName, 1000),
  }
}
