/** What a gateway reports of the responses of its charges, and until when a response may leave. */
import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ChargeOnLease, Settle } from '../../src/ledger/append/call-commands.ts'
import { Deliveries } from '../../src/ledger/append/deliveries.ts'

let nowMs: number
let deliveries: Deliveries
beforeEach(() => {
  nowMs = 0
  deliveries = new Deliveries(() => nowMs)
})

const settle = { kind: 'settle' } as Settle
const ofStream = { kind: 'settle', alreadyDelivered: true } as Settle

/** The ledger wrote a charge that was sent just now. */
function charged(
  position: number,
  { command = settle as Settle | ChargeOnLease, isAwaited = true, sentAtMs = nowMs } = {},
): void {
  deliveries.onCharged({ command, position, sentAtMs, isAwaited })
}

/** The report after two seconds, with reports every second as in service. */
function reportLater() {
  for (const _ of [1, 2]) {
    deliveries.report()
    nowMs += 1_000
  }
  return deliveries.report()
}

describe('a response', () => {
  test('leaves until five seconds after its charge was sent, and then no more', () => {
    charged(1)
    charged(2)
    nowMs = 4_999
    expect(deliveries.leave(1)).toBe(true)
    nowMs = 5_000
    expect(deliveries.leave(2)).toBe(false)
    expect(deliveries.report().withheld).toEqual([2])
  })

  test('does not leave where nobody waited for its charge any more', () => {
    charged(1, { isAwaited: false })
    expect(deliveries.leave(1)).toBe(false)
    expect(deliveries.report().withheld).toEqual([1])
  })

  test('does not leave after the gateway has said its last word', () => {
    charged(1)
    deliveries.end()
    expect(deliveries.leave(1)).toBe(false)
    charged(2)
    expect(deliveries.leave(2)).toBe(false)
    expect(deliveries.report()).toEqual({ delivered: 2, withheld: [1, 2] })
  })
})

describe('a report', () => {
  test('counts a response a second after it left', () => {
    charged(7)
    deliveries.leave(7)
    expect(deliveries.report().delivered).toBe(0)
    nowMs = 999
    expect(deliveries.report().delivered).toBe(0)
    nowMs = 1_000
    expect(deliveries.report().delivered).toBe(7)
  })

  test('does not count what comes after a response that has not left', () => {
    for (const position of [3, 5, 9]) charged(position)
    deliveries.leave(3)
    deliveries.leave(9)
    expect(reportLater().delivered).toBe(4)
    deliveries.leave(5)
    expect(reportLater().delivered).toBe(9)
  })

  test('goes past a response that was never let leave, and names it', () => {
    charged(3)
    charged(5)
    deliveries.leave(5)
    nowMs = 5_000
    expect(reportLater()).toEqual({ delivered: 5, withheld: [3] })
  })

  test('takes a stream as delivered', () => {
    charged(4, { command: ofStream, isAwaited: false })
    expect(reportLater()).toEqual({ delivered: 4, withheld: [] })
  })

  test('repeats what was withheld until it is recorded', () => {
    charged(1, { isAwaited: false })
    const report = deliveries.report()
    charged(2, { isAwaited: false })
    expect(deliveries.report().withheld).toEqual([1, 2])
    deliveries.onRecorded(report)
    expect(deliveries.report().withheld).toEqual([2])
  })

  test('of another producer has nothing of what the one before charged, and that does not leave any more', () => {
    for (const position of [3, 5]) charged(position)
    charged(7, { isAwaited: false })
    deliveries.leave(3)
    deliveries.restart()
    expect(deliveries.leave(5)).toBe(false)
    expect(reportLater()).toEqual({ delivered: 0, withheld: [] })
    charged(4)
    deliveries.leave(4)
    expect(reportLater()).toEqual({ delivered: 4, withheld: [] })
  })

  test('of a gateway that ends counts everything at once', () => {
    charged(1)
    charged(2)
    deliveries.leave(1)
    deliveries.leave(2)
    deliveries.end()
    expect(deliveries.report()).toEqual({ delivered: 2, withheld: [] })
  })
})

test('whatever happens, what is reported as delivered has left, and a second ago', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ do: fc.constant('charge' as const), isAwaited: fc.boolean() }),
    fc.record({ do: fc.constant('leave' as const), nth: fc.nat(5) }),
    fc.record({ do: fc.constant('report' as const), isRecorded: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      nowMs = 0
      deliveries = new Deliveries(() => nowMs)
      const waiting: { position: number; sentAtMs: number }[] = []
      const leftAtMs = new Map<number, number>()
      const recorded = new Set<number>()
      let last = 0
      for (const each of steps) {
        if (each.do === 'wait') nowMs += each.ms
        else if (each.do === 'charge') {
          charged(++last, { isAwaited: each.isAwaited })
          if (each.isAwaited) waiting.push({ position: last, sentAtMs: nowMs })
        } else if (each.do === 'leave') {
          const [one] = waiting.splice(each.nth, 1)
          if (!one) continue
          expect(deliveries.leave(one.position)).toBe(nowMs - one.sentAtMs < 5_000)
          if (nowMs - one.sentAtMs < 5_000) leftAtMs.set(one.position, nowMs)
        } else {
          const report = deliveries.report()
          if (each.isRecorded) {
            for (const position of report.withheld) recorded.add(position)
            deliveries.onRecorded(report)
          }
          const withheld = new Set([...recorded, ...report.withheld])
          for (let position = 1; position <= last; position++) {
            const left = leftAtMs.get(position)
            if (position <= report.delivered) {
              expect(withheld.has(position) || (left ?? nowMs) <= nowMs - 1_000).toBe(true)
            }
            if (left !== undefined) expect(withheld.has(position)).toBe(false)
          }
        }
      }
    }),
  )
})
