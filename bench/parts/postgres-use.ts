/**
 * What a PostgreSQL of this machine uses: processor time, and the memory of its largest backend. On a
 * machine that does other work beside it, processor time says what the clock does not.
 */
import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = 100

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly ticks: number
}

/** Seconds of processor time that a postmaster and what it started have used; undefined where /proc is not. */
export function processorSeconds(postmaster: number): number | undefined {
  const family = familyOf(postmaster)
  if (family.length === 0) return undefined
  return family.reduce((sum, { ticks }) => sum + ticks, 0) / ticksPerSecond
}

/** Megabytes that the largest backend has for itself alone, and this process in all. */
export function memoryNow(postmaster: number): { backend: number; own: number } {
  const private_ = familyOf(postmaster).map(({ pid }) => {
    const status = read(`/proc/${pid}/status`)
    return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024
  })
  return { backend: Math.max(0, ...private_), own: process.memoryUsage.rss() / 2 ** 20 }
}

function familyOf(postmaster: number): Stat[] {
  let pids: number[]
  try {
    pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
  const all = pids.flatMap((pid) => statOf(pid) ?? [])
  return all.filter(({ pid, parent }) => pid === postmaster || parent === postmaster)
}

/** Its own time, and that of its children that have ended. */
function statOf(pid: number): Stat | undefined {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')
  if (!fields) return undefined
  const [, parent, , , , , , , , , , user, system, childUser, childSystem] = fields
  const ticks = [user, system, childUser, childSystem].reduce((sum, text) => sum + Number(text), 0)
  return { pid, parent: Number(parent), ticks }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
