import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase, type TestDatabase } from '../../support/postgres/database.ts'

/** Parameters of catalog.decide_latest. By default: nothing is known of the key, and the batch observed one version that claims nothing. */
type Facts = {
  current_id?: string
  current_sequencer?: string
  current_at?: string
  other_versions?: number
  other_sequencer?: string
  is_confirmed?: boolean
  confirmed_id?: string | null
  confirmed_exists?: boolean
  claim_id?: string
  claim_sequencer?: string
  are_claims_ordered?: boolean
  is_observed?: boolean
}

const AS_OF = '2024-01-02T00:00:00Z'
const EARLIER = '2024-01-01T00:00:00Z'
const LATER = '2024-01-03T00:00:00Z'

const current = { current_id: 'old', current_sequencer: '5', current_at: EARLIER }
const confirmed = { is_confirmed: true, confirmed_id: 'seen', confirmed_exists: true }
const claim = { claim_id: 'new', claim_sequencer: '6' }

/** Cases by the rows of the truth table in migrations/functions/latest/decide_latest.sql. */
const CASES: [row: number, title: string, facts: Facts, outcome: string][] = [
  [1, 'a confirmation of a key without a latest version', confirmed, 'confirmed'],
  [1, 'a confirmation newer than what is known', { ...current, ...confirmed }, 'confirmed'],
  [1, 'a confirmation as old as what is known', { ...current, ...confirmed, current_at: AS_OF }, 'confirmed'],
  [1, 'a confirmation that the key has no version', { ...current, ...confirmed, confirmed_id: null }, 'confirmed'],
  [1, 'a confirmation, against a claim with a greater sequencer', { ...current, ...confirmed, ...claim }, 'confirmed'],
  [2, 'a confirmation of another version, older than what is known', { ...current, ...confirmed, current_at: LATER }, 'ask'],
  [
    2,
    'a confirmation of no version, older than what is known',
    { ...current, ...confirmed, confirmed_id: null, current_at: LATER },
    'ask',
  ],
  [2, 'a confirmation of a version that the catalog will not have', { ...confirmed, confirmed_exists: false }, 'ask'],
  [2, 'the same, with a claim', { ...confirmed, ...claim, confirmed_exists: false }, 'ask'],
  [3, 'details of another version', current, 'keep'],
  [
    3,
    'a confirmation of the current version, older than what is known',
    { ...current, ...confirmed, confirmed_id: 'old', current_at: LATER },
    'keep',
  ],
  [4, 'a key that has nothing', { is_observed: false }, 'keep'],
  [5, 'a version of a key without a latest one', {}, 'ask'],
  [5, 'no observation, but other versions', { is_observed: false, other_versions: 1 }, 'ask'],
  [6, 'two claims of one sequencer', { ...current, ...claim, are_claims_ordered: false }, 'ask'],
  [6, 'two claims of a new key, one without a sequencer', { ...claim, are_claims_ordered: false }, 'ask'],
  [7, 'a repeated claim of the current version', { ...current, claim_id: 'old', claim_sequencer: '5' }, 'keep'],
  [7, 'the same without a sequencer', { ...current, claim_id: 'old', claim_sequencer: '' }, 'keep'],
  [
    7,
    'the same, with a confirmation of it that is older',
    { ...current, ...confirmed, confirmed_id: 'old', current_at: LATER, claim_id: 'old', claim_sequencer: '' },
    'keep',
  ],
  [8, 'the first version of a key', claim, 'claim'],
  [8, 'the first version of a key, without a sequencer', { ...claim, claim_sequencer: '' }, 'claim'],
  [
    9,
    'a claim not less than all others of a key without a latest version',
    { ...claim, other_versions: 2, other_sequencer: '6' },
    'claim',
  ],
  [
    10,
    'a claim less than another of a key without a latest version',
    { ...claim, other_versions: 2, other_sequencer: '7' },
    'ask',
  ],
  [
    10,
    'a claim without a sequencer beside others',
    { ...claim, claim_sequencer: '', other_versions: 1, other_sequencer: '5' },
    'ask',
  ],
  [10, 'a claim beside others, one of them without a sequencer', { ...claim, other_versions: 2 }, 'ask'],
  [11, 'a claim later than the current version', { ...current, ...claim }, 'claim'],
  [12, 'a claim earlier than the current version', { ...current, ...claim, claim_sequencer: '4' }, 'keep'],
  [13, 'a claim with the sequencer of the current version', { ...current, ...claim, claim_sequencer: '5' }, 'ask'],
  [13, 'a claim without a sequencer', { ...current, ...claim, claim_sequencer: '' }, 'ask'],
  [13, 'a claim against a current version without a sequencer', { ...current, ...claim, current_sequencer: '' }, 'ask'],
]

let database: TestDatabase

beforeAll(async () => {
  database = await freshDatabase()
})

afterAll(() => database[Symbol.asyncDispose]())

test.for(CASES)('row %i: %s', async ([, , facts, outcome]) => {
  const { sql } = database
  const given = {
    ...{ other_versions: 0, is_confirmed: false, confirmed_exists: true, are_claims_ordered: true, is_observed: true },
    ...facts,
  }
  const [row] = await sql`
    select catalog.decide_latest(
      current_id => current_id, current_sequencer => current_sequencer, current_at => current_at,
      other_versions => other_versions, other_sequencer => other_sequencer, is_confirmed => is_confirmed,
      confirmed_id => confirmed_id, confirmed_exists => confirmed_exists, claim_id => claim_id,
      claim_sequencer => claim_sequencer, are_claims_ordered => are_claims_ordered, is_observed => is_observed,
      as_of => ${AS_OF}
    ) as outcome
    from jsonb_to_record(${sql.json(given)}) as f (
      current_id text, current_sequencer text, current_at timestamptz, other_versions bigint, other_sequencer text,
      is_confirmed boolean, confirmed_id text, confirmed_exists boolean, claim_id text, claim_sequencer text,
      are_claims_ordered boolean, is_observed boolean
    )
  `
  expect(row).toEqual({ outcome })
})

test('each row of the truth table has a case', async () => {
  const file = await readFile(join(import.meta.dirname, '../../../migrations/functions/latest/decide_latest.sql'), 'utf8')
  const rows = [...file.matchAll(/^-- \| *(\d+) \|.*\| *(\w+) *\|$/gm)].map(([, row, outcome]) => `${row} ${outcome}`)
  expect([...new Set(CASES.map(([row, , , outcome]) => `${row} ${outcome}`))]).toEqual(rows)
})
