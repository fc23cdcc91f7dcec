/**
 * What a PostgreSQL of this machine uses: processor time, and the memory of its largest backend. On a
 * machine that does other work beside it, processor time says what the clock does not.
 */
import { readFileSync } from 'node:fs'
import { connect } from '../../src/ledger/connect.ts'
import { exactTimeUs, familyOf } from './processor-time.ts'

/** Seconds of processor time that a postmaster and what it started have used; undefined where /proc is not. */
export function processorSeconds(postmaster: number): number | undefined {
  const us = exactTimeUs(postmaster)
  return Number.isNaN(us) ? undefined : us / 1e6
}

/** Megabytes that the largest backend has for itself alone, and a program in all. */
export function memoryNow(postmaster: number, program: number) {
  const ofBackends = familyOf(postmaster).map(({ id }) => megabytes(id, 'RssAnon'))
  return { backend: Math.max(0, ...ofBackends), program: megabytes(program, 'VmRSS') }
}

/** The process that all of a server's others have come from. @param serverUrl of a superuser */
export async function postmasterOf(serverUrl: string): Promise<number> {
  const sql = connect({ url: serverUrl, as: 'owner', max: 1 })
  try {
    const [row] = await sql.unsafe<[{ pid: number }]>(
      `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer as pid`,
    )
    return row.pid
  } finally {
    await sql.end()
  }
}

function megabytes(pid: number, field: 'RssAnon' | 'VmRSS'): number {
  const found = new RegExp(`${field}:\\s+(\\d+)`).exec(read(`/proc/${pid}/status`))
  return Number(found?.[1] ?? 0) / 1_024
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
