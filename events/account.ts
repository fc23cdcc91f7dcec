/** The account stream: who owns an account, its plans and its limits. Who the owner is, by name, and what is noted of it are personal, and encrypted. */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount, maxInteger } from './bounds.ts'
import { Budget } from './budget.ts'
import type { StreamEvents } from './catalogue-entry.ts'
import { Time } from './time.ts'
import { budgetsInWords, changes, day } from './words.ts'

const Fee = Type.Object({
  minorUnits: Type.Integer({ minimum: 0, maximum: maxAmount }),
  currency: Type.String(),
})
const Limit = Type.Union([Type.Integer({ minimum: 1, maximum: maxInteger }), Type.Null()])
const Owner = Type.Object({
  kind: Type.Union([Type.Literal('user'), Type.Literal('organisation')]),
  id: Type.String({ minLength: 1 }),
})
export type Owner = Static<typeof Owner>

export const accountEvents = {
  AccountOpened: {
    stream: 'account',
    byOwner: true,
    payload: Type.Object({ owner: Owner }),
    opensStream: true,
    describe: () => 'Account opened',
  },

  /** `from` is a later time when a downgrade waits for the next month. */
  PlanStarted: {
    stream: 'account',
    byOwner: true,
    payload: Type.Object({
      plan: Type.String(),
      from: Time,
      fee: Fee,
      /** The month in which it is taken is billed by its days. */
      firstMonth: Type.Optional(Type.Literal('prorated')),
    }),
    describe: ({ payload }) => `Plan ${payload.plan} starts ${day(payload.from)}`,
  },

  PlanEnded: {
    stream: 'account',
    payload: Type.Object({ plan: Type.String(), at: Time }),
    describe: ({ payload }) => `Plan ${payload.plan} ends ${day(payload.at)}`,
  },

  /** Limits of the account's own, which replace its plan's. null: the plan's counts again. */
  AccountLimitsChanged: {
    stream: 'account',
    payload: Type.Object({ rateLimit: Limit, maxInFlight: Limit }),
    describe: ({ payload }) => `Account limits changed: ${changes(payload)}`,
  },

  /** All budgets of the account, in place of those before. What is used from then on counts. */
  AccountBudgetsChanged: {
    stream: 'account',
    byOwner: true,
    payload: Type.Object({ budgets: Type.Array(Budget) }),
    describe: ({ payload }, scale) =>
      `Account budgets changed: ${budgetsInWords(payload.budgets, scale)}`,
  },

  /** Who owns the account, all of it, in place of what was said before. It is personal: see AccountProfile. */
  AccountDescribed: {
    stream: 'account',
    byOwner: true,
    payload: Type.Object({}),
    describe: () => 'Account described: its name, contact, billing address or tax id changed',
  },

  /** What an operator noted of the account, in no other's place. It is personal, and for operators alone: see AccountNote. */
  AccountNoted: {
    stream: 'account',
    payload: Type.Object({}),
    describe: () => 'Note written on the account',
  },

  AccountFrozen: {
    stream: 'account',
    payload: Type.Object({}),
    describe: () => 'Account frozen: its keys cannot call',
  },

  AccountUnfrozen: {
    stream: 'account',
    payload: Type.Object({}),
    describe: () => 'Account unfrozen',
  },

  AccountErased: {
    stream: 'account',
    payload: Type.Object({}),
    describe: () => 'Account erased: its personal data cannot be read any more',
  },
} as const satisfies StreamEvents

/** The private document of an AccountDescribed, before it is encrypted: who the account's owner is. null: nobody has said. */
export interface AccountProfile {
  readonly name: string | null
  /** An e-mail address. */
  readonly contact: string | null
  /** Its lines; none: nobody has said. */
  readonly billingAddress: readonly string[]
  readonly taxId: string | null
}

/** The private document of an AccountNoted, before it is encrypted. */
export interface AccountNote {
  readonly text: string
}
