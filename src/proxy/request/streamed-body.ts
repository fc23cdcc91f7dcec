/**
 * A body that goes to the upstream while it arrives. The client has said its length, by which the call is held, and the
 * same length is said to the upstream: when less arrives, the request to the upstream breaks off and can never look
 * whole. It is read only as fast as the upstream takes it.
 */
import pTimeout from 'p-timeout'
import { bytesPerSecond } from '../../lib/http-body.ts'
import type { Refusal } from '../../problems/refusal.ts'
import { bodyRefusal, refusedBody } from './take-body.ts'

interface Limits {
  /** How long the client may take; what has arrived adds to this, as for any body. */
  readonly maxSeconds: number
  /** Says after a piece how long to wait before it is passed on, in milliseconds; absent: not at all. */
  readonly waitAfter?: (bytes: number) => number
}

/** What has its time while the client is not waited for. */
interface Clock {
  pause(): void
  resume(): void
}

export class StreamedBody {
  /** In bytes. */
  readonly length: number
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>
  private readonly limits: Limits
  private received = 0
  private isAsked = false
  /** Nobody takes it any more. */
  private isOver = false
  /** Spent waiting for the client, but for the wait that goes on. */
  private waitedMs = 0
  private waitsSinceMs: number | undefined
  private broken: Refusal | undefined
  /** Of the stream that was opened last. */
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(body: ReadableStream<Uint8Array>, length: number, limits: Limits) {
    this.reader = body.getReader()
    this.length = length
    this.limits = limits
  }

  /** Why the body did not arrive whole; undefined as long as it may. */
  get refusal(): Refusal | undefined {
    return this.broken
  }

  /** How long the client was waited for, in milliseconds, of a body that has not arrived whole; 0 of one that has. */
  get owedMs(): number {
    if (this.received >= this.length) return 0
    const { waitsSinceMs } = this
    return this.waitedMs + (waitsSinceMs === undefined ? 0 : performance.now() - waitsSinceMs)
  }

  /**
   * The bytes for the upstream, whose clock stands still while the client is waited for. It may be opened again for another
   * upstream, as long as nothing was asked of it.
   *
   * @throws TypeError when something was: what was sent cannot be sent again
   */
  open(clock: Clock): ReadableStream<Uint8Array> {
    if (this.isAsked) throw new TypeError('a streamed body is sent once')
    const stream = {
      start: (controller: ReadableStreamDefaultController<Uint8Array>) => {
        this.controller = controller
      },
      pull: (controller: ReadableStreamDefaultController<Uint8Array>) =>
        this.pull(controller, clock),
      cancel: () => {
        if (!this.isAsked) return
        this.isOver = true
        this.close()
      },
    }
    return new ReadableStream(stream, { highWaterMark: 0 })
  }

  /** Ends it before its time: the request to the upstream breaks off. Does nothing once all has arrived. */
  breakOff(refusal: Refusal): void {
    if (this.isOver) return
    this.isOver = true
    this.broken = refusal
    this.controller?.error(new Error(refusal.detail))
    this.close()
  }

  private async pull(
    controller: ReadableStreamDefaultController<Uint8Array>,
    clock: Clock,
  ): Promise<void> {
    this.isAsked = true
    clock.pause()
    const next = await this.next()
    const waitMs = typeof next === 'string' ? 0 : (this.limits.waitAfter?.(next.length) ?? 0)
    if (waitMs > 0) await Bun.sleep(waitMs)
    clock.resume()
    if (this.isOver) return
    if (typeof next === 'string') return this.breakOff(this.refusalOf(next))
    // The server's parser gives no more than was announced; should it ever, nothing may follow the request.
    if (this.received + next.length > this.length) return this.breakOff(this.refusalOf('broke_off'))
    this.received += next.length
    controller.enqueue(next)
    if (this.received < this.length) return
    this.isOver = true
    controller.close()
  }

  /** The next bytes; at the end there are none to ask for, so an end is one that comes too early. */
  private async next(): Promise<Uint8Array | 'too_slow' | 'broke_off'> {
    const allowedMs = (this.limits.maxSeconds + this.received / bytesPerSecond) * 1_000
    const leftMs = allowedMs - this.waitedMs
    if (leftMs <= 0) return 'too_slow'
    const askedAtMs = performance.now()
    this.waitsSinceMs = askedAtMs
    try {
      const next = await pTimeout(this.reader.read(), { milliseconds: leftMs, fallback: tooSlow })
      if (next === 'too_slow') return next
      return next.done ? 'broke_off' : next.value
    } catch {
      return 'broke_off'
    } finally {
      this.waitedMs += performance.now() - askedAtMs
      this.waitsSinceMs = undefined
    }
  }

  private refusalOf(fault: 'too_slow' | 'broke_off'): Refusal {
    return bodyRefusal(refusedBody(fault, { maxBytes: this.length }).refusal)
  }

  /** Not awaited: a stream whose sender is silent never ends. */
  private close(): void {
    void this.reader.cancel().catch(() => {})
  }
}

const tooSlow = () => 'too_slow' as const
