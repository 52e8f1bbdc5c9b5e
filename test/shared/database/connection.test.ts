import { describe, expect, test } from 'vitest'
import { connectionFromEnvironment } from '../../../shared/database/connection.ts'

const RDS = { DATABASE_HOST: 'db.example.com', DATABASE_NAME: 'catalog', DATABASE_USER: 'indexer', AWS_REGION: 'eu-central-1' }

describe('the connection that an environment names', () => {
  test('is DATABASE_URL, whatever else is set', () => {
    const url = 'postgres://user@localhost/catalog'
    expect(connectionFromEnvironment({ ...RDS, DATABASE_URL: url })).toEqual({ url, max: 10 })
  })

  test('acts as DATABASE_ROLE where DATABASE_URL signs in another user', () => {
    const env = { DATABASE_URL: 'postgres://owner@localhost/catalog', DATABASE_ROLE: 'catalog_api' }
    expect(connectionFromEnvironment(env)).toEqual({ url: env.DATABASE_URL, role: 'catalog_api', max: 10 })
    expect(connectionFromEnvironment({ ...env, DATABASE_ROLE: '' })).toEqual({ url: env.DATABASE_URL, max: 10 })
  })

  test('is RDS by host, name, user and region, on port 5432', () => {
    expect(connectionFromEnvironment(RDS)).toEqual({
      host: 'db.example.com',
      port: 5432,
      database: 'catalog',
      user: 'indexer',
      region: 'eu-central-1',
      caFile: undefined,
      max: 10,
    })
    expect(connectionFromEnvironment({ ...RDS, DATABASE_CA_FILE: '/rds.pem', DATABASE_POOL: '2' })).toMatchObject({
      caFile: '/rds.pem',
      max: 2,
    })
  })

  test.each(Object.keys(RDS))('is refused without %s', name => {
    const reason = 'Set DATABASE_URL, or DATABASE_HOST, DATABASE_NAME, DATABASE_USER and AWS_REGION'
    expect(() => connectionFromEnvironment({ ...RDS, [name]: undefined })).toThrow(reason)
    expect(() => connectionFromEnvironment({ ...RDS, [name]: '' })).toThrow(reason)
  })

  test.each(['2', '10', '20'])('has a pool of %s', DATABASE_POOL => {
    expect(connectionFromEnvironment({ ...RDS, DATABASE_POOL }).max).toBe(Number(DATABASE_POOL))
  })

  test.each(['1', '21', '0', '-2', '2.5', 'many', 'NaN', 'Infinity'])('is refused with a pool of %s', DATABASE_POOL => {
    const reason = `DATABASE_POOL must be a whole number from 2 to 20, not ${DATABASE_POOL}`
    expect(() => connectionFromEnvironment({ ...RDS, DATABASE_POOL })).toThrow(reason)
    expect(() => connectionFromEnvironment({ DATABASE_URL: 'postgres://localhost', DATABASE_POOL })).toThrow(reason)
  })
})
