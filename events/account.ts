/** The account stream: who pays, on which plan. */
import { type Static, Type } from '@sinclair/typebox'
import { Time } from './time.ts'

const Fee = Type.Object({ minorUnits: Type.Integer({ minimum: 0 }), currency: Type.String() })

export const AccountOpened = Type.Object({
  owner: Type.Object({
    kind: Type.Union([Type.Literal('user'), Type.Literal('organisation')]),
    id: Type.String({ minLength: 1 }),
  }),
})

/** `from` lies ahead when a downgrade waits for the next month. */
export const PlanStarted = Type.Object({ plan: Type.String(), from: Time, fee: Fee })
export const PlanEnded = Type.Object({ plan: Type.String(), at: Time })

/** Limits of the account's own, in place of its plan's; null gives the plan's back. */
export const AccountLimitsChanged = Type.Object({
  rateLimit: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  maxInFlight: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
})

export const AccountFrozen = Type.Object({})
export const AccountUnfrozen = Type.Object({})
export const AccountErased = Type.Object({})

export type Owner = Static<typeof AccountOpened>['owner']
export type PlanStarted = Static<typeof PlanStarted>
