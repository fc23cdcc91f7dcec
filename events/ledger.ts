/** The ledger's own stream: what happened to the log and to those who append to it. */
import { Type } from '@sinclair/typebox'
import type { StreamEvents } from './catalogue-entry.ts'

export const ledgerEvents = {
  /** What stood from `lostFrom` on was lost with the disk, and its owner accepts that. */
  LogRestored: {
    stream: 'ledger',
    payload: Type.Object({ lostFrom: Type.Integer(), reason: Type.String() }),
    describe: ({ payload }) =>
      `Log restored: what stood from position ${payload.lostFrom} on was lost (${payload.reason})`,
  },

  /** The ledger's clock is right, whatever the clocks of gateways say. */
  ClockConfirmed: {
    stream: 'ledger',
    payload: Type.Object({ reason: Type.String() }),
    describe: ({ payload }) => `The ledger's clock confirmed (${payload.reason})`,
  },

  /**
   * A gateway fell silent, and can append nothing more under this name. The responses of what it charged up to
   * `deliveredUpTo` have left it, except those that it said it withheld. Of its later charges nobody knows that.
   */
  ProducerFenced: {
    stream: 'ledger',
    payload: Type.Object({
      instance: Type.String(),
      deliveredUpTo: Type.Integer({ minimum: 0 }),
    }),
    describe: ({ payload }) =>
      `Gateway ${payload.instance} fenced: it fell silent, and had delivered what it charged up to position ${payload.deliveredUpTo}`,
  },
} as const satisfies StreamEvents
