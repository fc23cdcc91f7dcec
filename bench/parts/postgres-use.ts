/**
 * What a PostgreSQL of this machine uses: processor time, and the memory of its largest backend. On a
 * machine that does other work beside it, processor time says what the clock does not.
 */
import { readFileSync } from 'node:fs'
import { familyOf, processorTime } from './processor-time.ts'

/** Seconds of processor time that a postmaster and what it started have used; undefined where /proc is not. */
export function processorSeconds(postmaster: number): number | undefined {
  const { userUs, systemUs } = processorTime(postmaster)
  return Number.isNaN(userUs) ? undefined : (userUs + systemUs) / 1e6
}

/** Megabytes that the largest backend has for itself alone, and this process in all. */
export function memoryNow(postmaster: number): { backend: number; own: number } {
  const ofBackends = familyOf(postmaster).map(({ id }) => {
    const status = read(`/proc/${id}/status`)
    return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024
  })
  return { backend: Math.max(0, ...ofBackends), own: process.memoryUsage.rss() / 2 ** 20 }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
