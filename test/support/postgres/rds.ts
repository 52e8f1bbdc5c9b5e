import { chown, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres } from '../../../local/postgres/postgres.ts'
import { type Client, connect } from '../../../shared/database/connection.ts'
import { DATABASE_OWNER } from '../../../shared/database/roles.ts'
import { makeDataFolder } from './data-folder.ts'

/** A cluster as on RDS: the master user is no superuser, and roles sign in without a password where they are members of rds_iam. */
export type FakeRds = {
  admin: Client
  /** Creates a database that belongs to a role, the master user by default. */
  createDatabase(name: string, owner?: string): Promise<void>
  /** Signs in; the caller must end the client. */
  signIn(role: string, database: string): Client
  [Symbol.asyncDispose](): Promise<void>
}

/** For `await using`; a cluster of its own, because its roles are seen by every database of it. */
export async function fakeRds(): Promise<FakeRds> {
  const folder = await makeDataFolder('storage-catalog-rds-')
  const server = await startPostgres({ folder: join(folder, 'postgres'), settings: { fsync: 'off' } })
  await letIn(join(folder, 'postgres/data/pg_hba.conf'))
  const admin = connect({ url: server.url, max: 1 })
  await admin`select pg_reload_conf()`
  await admin`create role rds_superuser`
  await admin`create role rds_iam`
  await admin`create role ${admin(DATABASE_OWNER)} login createrole createdb`
  await admin`grant rds_superuser, rds_iam to ${admin(DATABASE_OWNER)}`
  await admin`grant rds_iam to rds_superuser with admin true, inherit false, set false`
  return {
    admin,
    async createDatabase(name, owner = DATABASE_OWNER) {
      await admin`create database ${admin(name)} owner ${admin(owner)}`
    },
    signIn(role, database) {
      const url = Object.assign(new URL(server.url), { username: role, password: '', pathname: `/${database}` })
      return connect({ url: url.href, max: 4 })
    },
    async [Symbol.asyncDispose]() {
      await admin.end()
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Stands for IAM: members of rds_iam come in without a password. */
async function letIn(file: string): Promise<void> {
  const { uid, gid } = await stat(file)
  await writeFile(file, `host all +rds_iam all trust\n${await readFile(file, 'utf8')}`)
  await chown(file, uid, gid)
}
