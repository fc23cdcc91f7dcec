/**
 * What a process reads of the world: clocks, timers, ids and random numbers. They are replaced once for this process, before
 * the product uses them; while a run is under way they are its scheduler's, and at other times the real ones. So the
 * product needs no way to be given a clock.
 */
import type { Random } from '../faults/random.ts'
import { epochMs, type Scheduler, type Step } from './scheduler.ts'

interface Run {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly fetch: (request: string, init: RequestInit) => Promise<Response>
}

let current: Run | undefined
/** The monotonic clock goes on from run to run: the product keeps some things by it for longer than a run. */
let startedAtMs = 0
const betweenRunsMs = 2 ** 32

/** From now on, until `leave`, the globals are those of this run. */
export function enter(run: Run): void {
  current = run
  startedAtMs += betweenRunsMs
}

export function leave(): void {
  current = undefined
}

const real = {
  now: performance.now.bind(performance),
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  Date: globalThis.Date,
  fetch: globalThis.fetch,
  random: Math.random,
  randomUUID: crypto.randomUUID.bind(crypto),
  randomUUIDv7: Bun.randomUUIDv7,
  getRandomValues: crypto.getRandomValues.bind(crypto),
  abortAfter: AbortSignal.timeout,
}

/** Lets the real event loop turn once. */
export const turn = (): Promise<void> => new Promise((resolve) => real.setImmediate(resolve))
export const realNowMs = real.now

/** A timer of a run, as far as the product uses one. */
class SimulatedTimer {
  readonly step: Step

  constructor(step: Step) {
    this.step = step
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

function timer(run: Run, callback: (...args: unknown[]) => void, ms = 0, everyMs?: number) {
  return new SimulatedTimer(run.scheduler.after(Math.max(ms, 1), callback, undefined, everyMs))
}

function cancel(given: unknown, cancelReal: (timer: never) => void): void {
  if (given instanceof SimulatedTimer) given.step.isCancelled = true
  else cancelReal(given as never)
}

function wallClockMs({ scheduler }: Run): number {
  return Math.floor(epochMs + scheduler.nowMs + scheduler.process.clockOffsetMs)
}

const SimulatedDate = class extends real.Date {
  constructor(...values: unknown[]) {
    if (values.length > 0 || !current) super(...(values as [number]))
    else super(wallClockMs(current))
  }

  static override now(): number {
    return current ? wallClockMs(current) : real.Date.now()
  }
}

/** 122 random bits, and in front the time of a UUIDv7. */
function uuid({ random }: Run, version: 4 | 7, timeMs: number): string {
  const digits = (count: number) =>
    Array.from({ length: count }, () => random.int(0, 15).toString(16)).join('')
  const time = version === 7 ? timeMs.toString(16).padStart(12, '0') : digits(12)
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}${digits(3)}-8${digits(3)}-${digits(12)}`
}

type Callback = (...args: unknown[]) => void

Object.assign(globalThis, {
  Date: SimulatedDate,
  setTimeout: (callback: Callback, ms?: number, ...args: unknown[]) =>
    current ? timer(current, () => callback(...args), ms) : real.setTimeout(callback, ms, ...args),
  setInterval: (callback: Callback, ms?: number, ...args: unknown[]) =>
    current
      ? timer(current, () => callback(...args), ms, Math.max(ms ?? 1, 1))
      : real.setInterval(callback, ms, ...args),
  clearTimeout: (given: unknown) => cancel(given, real.clearTimeout),
  clearInterval: (given: unknown) => cancel(given, real.clearInterval),
  fetch: (url: string, init: RequestInit) =>
    current ? current.fetch(url, init) : real.fetch(url, init),
})
performance.now = () => (current ? startedAtMs + current.scheduler.nowMs : real.now())
Math.random = () => (current ? current.random.int(0, 2 ** 30 - 1) / 2 ** 30 : real.random())
crypto.randomUUID = (() =>
  current ? uuid(current, 4, 0) : real.randomUUID()) as typeof crypto.randomUUID
crypto.getRandomValues = ((bytes: Uint8Array<ArrayBuffer>) => {
  const { random } = current ?? {}
  return random ? bytes.map(() => random.int(0, 255)) : real.getRandomValues(bytes)
}) as typeof crypto.getRandomValues
Bun.randomUUIDv7 = ((encoding?: 'hex', timeMs?: number) =>
  current
    ? uuid(current, 7, timeMs ?? wallClockMs(current))
    : real.randomUUIDv7(encoding, timeMs)) as typeof Bun.randomUUIDv7
/** The signal's own timer is not a timer of JavaScript. */
AbortSignal.timeout = (ms) => {
  if (!current) return real.abortAfter.call(AbortSignal, ms)
  const controller = new AbortController()
  const error = new DOMException('The operation timed out.', 'TimeoutError')
  timer(current, () => controller.abort(error), ms)
  return controller.signal
}
