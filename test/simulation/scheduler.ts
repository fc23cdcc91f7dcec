/**
 * One scheduler owns time. It runs one step after the other, and between two steps everything that waits for a promise
 * goes on until nothing can: so a run has no other order than that of its steps.
 *
 * A step belongs to a process: a gateway, say, or the world. A process that is stopped runs no step while the clocks go
 * on, and runs them late. A process that was killed runs none any more.
 */
import { drainMicrotasks } from 'bun:jsc'

export interface Process {
  readonly name: string
  /** What its wall clock is ahead of the world's. */
  clockOffsetMs: number
  state: 'running' | 'stopped' | 'dead'
}

/** Something that happens at a time. */
export interface Step {
  readonly process: Process
  readonly run: () => void
  readonly everyMs: number | undefined
  atMs: number
  /** Steps of one time run in the order in which they were planned. */
  order: number
  isCancelled: boolean
}

/** Where the wall clocks stand when a run begins: three seconds before a month's turn. */
export const epochMs = Date.parse('2030-06-30T23:59:57Z')

export class Scheduler {
  readonly world: Process = { name: 'world', clockOffsetMs: 0, state: 'running' }
  /** Whose step runs. */
  process = this.world
  /** Since the run began. */
  nowMs = 0
  steps = 0
  /** Work outside of the simulation, which the next step waits for: a statement at a real PostgreSQL. */
  outside: Promise<unknown> | undefined
  private readonly heap: Step[] = []
  private readonly late = new Map<Process, Step[]>()
  private order = 0

  /** Plans a step, and one after each interval where `everyMs` says so. */
  after(delayMs: number, run: () => void, process = this.process, everyMs?: number): Step {
    // In eighths of a millisecond, so that times are exact.
    const atMs = this.nowMs + Math.ceil(Math.max(delayMs, 0) * 8) / 8
    const step = { process, run, everyMs, atMs, order: this.order++, isCancelled: false }
    push(this.heap, step)
    return step
  }

  /** Runs every step up to a time. */
  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      const step = this.heap[0]
      if (!step || step.atMs > untilMs) break
      pop(this.heap)
      this.run(step)
      while (this.outside) {
        const work = this.outside
        this.outside = undefined
        await work
        this.drain(step.process)
      }
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  stop(process: Process): void {
    if (process.state === 'running') process.state = 'stopped'
  }

  /** What came due meanwhile happens now: what its timers do, and what its sockets received. */
  resume(process: Process): void {
    if (process.state !== 'stopped') return
    process.state = 'running'
    for (const step of this.late.get(process) ?? []) {
      step.atMs = this.nowMs
      step.order = this.order++
      push(this.heap, step)
    }
    this.late.delete(process)
  }

  kill(process: Process): void {
    process.state = 'dead'
    this.late.delete(process)
  }

  private run(step: Step): void {
    const { process } = step
    this.nowMs = Math.max(this.nowMs, step.atMs)
    if (step.isCancelled || process.state === 'dead') return
    if (process.state === 'stopped') {
      const late = this.late.get(process) ?? []
      late.push(step)
      this.late.set(process, late)
      return
    }
    this.steps++
    this.process = process
    step.run()
    this.drain(process)
    if (step.everyMs !== undefined && !step.isCancelled) {
      step.atMs = this.nowMs + step.everyMs
      step.order = this.order++
      push(this.heap, step)
    }
  }

  private drain(process: Process): void {
    this.process = process
    drainMicrotasks()
    this.process = this.world
  }
}

function isBefore(a: Step, b: Step): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** A binary heap: the first step is the earliest. */
function push(heap: Step[], step: Step): void {
  let at = heap.length
  heap.push(step)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(step, heap[parent] as Step)) break
    heap[at] = heap[parent] as Step
    at = parent
  }
  heap[at] = step
}

function pop(heap: Step[]): void {
  const last = heap.pop() as Step
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Step, heap[child] as Step)) child++
    if (!isBefore(heap[child] as Step, last)) break
    heap[at] = heap[child] as Step
    at = child
  }
  heap[at] = last
}
