import { describe, expect, test } from 'vitest'
import { usableSequencer } from '../../../shared/s3/sequencer.ts'

const SECONDS = 0x65e1a5c0
const AT = new Date(SECONDS * 1000)

/** A sequencer as AWS sends it: two zeros, the seconds, a fraction. */
function aws(rest: string, seconds = SECONDS): string {
  return `00${seconds.toString(16).padStart(8, '0').toUpperCase()}${rest}`
}

describe('a sequencer of AWS', () => {
  test.each(['', '9', '93', '9329D189', '9329D189AB'])('with the fraction %j is right-padded with zeros', rest => {
    expect(usableSequencer(aws(rest), AT)).toBe(aws(rest).padEnd(32, '0'))
  })

  test('compares as text whatever its length and case, as AWS says', () => {
    const ordered = ['', '1', '1A', '1a1', '1B', '2', 'A', 'b', 'BB'].map(rest => usableSequencer(aws(rest), AT))
    expect(ordered.toSorted()).toEqual(ordered)
    expect(usableSequencer(aws('ab'), AT)).toBe(usableSequencer(aws('AB'), AT))
    expect(usableSequencer(aws('AB'), AT)).toBe(usableSequencer(aws('AB00'), AT))
  })

  test.each([-300, 0, 299.999, 300])('is used when its time is %d s from the version’s', seconds => {
    expect(usableSequencer(aws('01'), new Date(AT.getTime() + seconds * 1000))).not.toBe('')
  })

  test.each([-300.001, 300.001, 86_400, -86_400])('is not used when its time is %d s off', seconds => {
    expect(usableSequencer(aws('01'), new Date(AT.getTime() + seconds * 1000))).toBe('')
  })

  test('is not used when the time of the version is unknown', () => {
    expect(usableSequencer(aws('01'), new Date(Number.NaN))).toBe('')
  })
})

describe('sequencers of other implementations are not used', () => {
  test.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['the constant of LocalStack', '0055AED6DCD90281E5'],
    ['the little-endian time of Ceph', 'C0A5E165DEADBEEF'],
    ['the nanoseconds of MinIO', '17B8A4D3C9F2E1A0'],
    ['no hexadecimal', '00XYZ5C09329D189'],
    ['one that is too short to hold a time', '0065E1A5'],
    ['one that is longer than the padding', `${aws('')}${'0'.repeat(23)}`],
    ['spaces around it', ` ${aws('01')} `],
  ])('%s', (_, sequencer) => {
    expect(usableSequencer(sequencer, AT)).toBe('')
  })
})
