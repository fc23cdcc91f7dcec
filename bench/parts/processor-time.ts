/**
 * How much processor time a program has used, its children included. Unlike calls per second it hardly
 * changes when others use the same machine. Linux tells it to 10 ms by user and kernel, so a run has to use many
 * of those, and exactly by thread.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

export interface ProcessorTime {
  readonly userUs: number
  /** In the kernel: system calls, above all reading and writing sockets. */
  readonly systemUs: number
}

/** Microseconds in the kernel's unit of processor time, which is the same on every Linux of today. */
const tickUs = 10_000

/** What a process and those it has started have used so far; NaN when there is none to look at. */
export function processorTime(pid: number | undefined): ProcessorTime {
  const members = pid === undefined ? [] : familyOf(pid)
  if (members.length === 0) return { userUs: Number.NaN, systemUs: Number.NaN }
  return {
    userUs: members.reduce((sum, { user }) => sum + user, 0) * tickUs,
    systemUs: members.reduce((sum, { system }) => sum + system, 0) * tickUs,
  }
}

/**
 * Microseconds that a process and those it has started have used, each of a single thread, as PostgreSQL's are:
 * exact, where ten backends would each be told to 10 ms. NaN when there is none to look at.
 */
export function exactTimeUs(pid: number | undefined): number {
  const members = pid === undefined ? [] : familyOf(pid)
  if (members.length === 0) return Number.NaN
  const us = members.reduce((sum, { id, user, system, ended }) => {
    const ofItself = threadTimeUs(id) ?? (user + system - ended) * tickUs
    return sum + ofItself + ended * tickUs
  }, 0)
  // One that ended while we read was counted twice, with its parent as well, or not at all.
  const isAsBefore = whoOf(familyOf(pid as number)) === whoOf(members)
  return isAsBefore ? us : exactTimeUs(pid)
}

/** Who is there, and what those who have ended had used. */
function whoOf(members: readonly Member[]): string {
  return members.map(({ id, ended }) => `${id}:${ended}`).join()
}

/** Undefined when the process has ended meanwhile, or when this kernel does not tell. */
function threadTimeUs(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000
  } catch {
    return undefined
  }
}

interface Member {
  readonly id: number
  readonly user: number
  readonly system: number
  /** Of both, what its children used that have ended. */
  readonly ended: number
}

/** A process and those it has started; none where /proc is not. */
export function familyOf(pid: number): Member[] {
  const processes = allProcesses()
  const family = new Set([pid])
  // A child may stand before its parent in the list.
  for (let grown = 0; grown < family.size; ) {
    grown = family.size
    for (const { id, parent } of processes) if (family.has(parent)) family.add(id)
  }
  return processes.filter(({ id }) => family.has(id))
}

/** What the process's first thread has used, in microseconds: the one that runs JavaScript. NaN where /proc is not. */
export function firstThreadTime(pid: number): number {
  if (!existsSync('/proc')) return Number.NaN
  const { user, system } = statOf(`/proc/${pid}/task/${pid}/stat`)
  return (user + system) * tickUs
}

function allProcesses() {
  if (!existsSync('/proc')) return []
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return [{ id: Number(name), ...statOf(`/proc/${name}/stat`) }]
    } catch {
      return [] // it has ended meanwhile
    }
  })
}

/** Ticks of user and system include those of children that have ended. */
function statOf(file: string) {
  const stat = readFileSync(file, 'utf8')
  // The second field is the program's name in parentheses, and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (field: number) => Number(fields[field - 3])
  const ended = at(16) + at(17)
  return { parent: at(4), user: at(14) + at(16), system: at(15) + at(17), ended }
}
