/** The account stream: who owns an account, its plans and its limits. */
import { type Static, Type } from '@sinclair/typebox'
import { Time } from './time.ts'

const Fee = Type.Object({ minorUnits: Type.Integer({ minimum: 0 }), currency: Type.String() })

export const AccountOpened = Type.Object({
  owner: Type.Object({
    kind: Type.Union([Type.Literal('user'), Type.Literal('organisation')]),
    id: Type.String({ minLength: 1 }),
  }),
})

/** `from` is a later time when a downgrade waits for the next month. */
export const PlanStarted = Type.Object({ plan: Type.String(), from: Time, fee: Fee })
export const PlanEnded = Type.Object({ plan: Type.String(), at: Time })

/** Limits of the account's own, which replace its plan's. null: the plan's counts again. */
export const AccountLimitsChanged = Type.Object({
  rateLimit: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  maxInFlight: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
})

export const AccountFrozen = Type.Object({})
export const AccountUnfrozen = Type.Object({})
export const AccountErased = Type.Object({})

export type Owner = Static<typeof AccountOpened>['owner']
export type PlanStarted = Static<typeof PlanStarted>
