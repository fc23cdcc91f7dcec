/**
 * How long PostgreSQL needs to write one row and have it on the disk: what a charged call, which waits for
 * two commits one after the other, can at best take.
 */
import { connect } from '../../src/ledger/connect.ts'
import type { Figures } from '../suite/samples.ts'

/** One commit after the other over one connection, in the database `name`, which is made when it is missing. */
export async function measureCommits(
  serverUrl: string,
  name: string,
  seconds: number,
): Promise<Figures> {
  const url = await openDatabase(serverUrl, name)
  const sql = connect({ url, as: 'owner', max: 1 })
  const times: number[] = []
  try {
    await sql.unsafe('create schema if not exists tollbook')
    await sql.unsafe('create table if not exists commits (n integer)')
    const until = performance.now() + seconds * 1_000
    for (let n = 0; performance.now() < until; n++) {
      const startedAt = performance.now()
      await sql`insert into commits values (${n})`
      times.push(performance.now() - startedAt)
    }
  } finally {
    await sql.end()
  }
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] as number
  return { callsPerSecond: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function openDatabase(serverUrl: string, name: string): Promise<string> {
  const server = connect({ url: serverUrl, as: 'owner', max: 1 })
  const [there] = await server`select from pg_database where datname = ${name}`
  if (!there) await server.unsafe(`create database ${name}`)
  await server.end()
  return Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
}
