/** Credits that an operator gives, takes or gives back. */
import { type Mode, printPosition } from '../../events/event.ts'
import type { CommandResult } from '../ledger/commands/management-commands.ts'
import {
  type AccountRow,
  readAccount,
  readMonthUse,
  readSecrets,
} from '../ledger/read/read-accounts.ts'
import { readCharge } from '../ledger/read/read-charge.ts'
import { isRefused, type Refused, refused } from './decision.ts'
import { type Actor, reasonDocument, sealDocument } from './execute.ts'
import type { ManagementDeps } from './management-deps.ts'
import { iso } from './views.ts'

export interface Grant {
  readonly credits: number
  readonly kind: 'paid' | 'promotional'
  readonly mode: Mode
  /** ISO 8601; now when absent. */
  readonly startsAt?: string
  /** ISO 8601; never when absent. */
  readonly expiresAt?: string
  /** Unique per account: the same grant again under it answers as the first time. */
  readonly externalId?: string
  readonly paid?: { readonly minorUnits: number; readonly currency: string }
}

export interface Adjustment {
  /** How much to take. */
  readonly credits: number
  readonly mode: Mode
  readonly externalId?: string
}

export interface Granted {
  /** The grant's place in the ledger, which names the lot; null when there was nothing to grant. */
  readonly position: string | null
  readonly credits: number
}

export interface Adjusted {
  readonly positions: readonly string[]
  /** What could be taken, and what became a debt that the next lot repays. */
  readonly taken: number
  readonly debt: number
}

export interface Refunded {
  readonly position: string
  readonly credits: number
}

export interface Credits {
  grant(accountId: string, grant: Grant, actor: Actor): Promise<Granted | Refused>
  adjust(accountId: string, adjustment: Adjustment, actor: Actor): Promise<Adjusted | Refused>
  /** Gives a charge back, all that is left of it when `credits` is absent. */
  refund(
    requestId: string,
    refund: { readonly credits?: number; readonly externalId?: string },
    actor: Actor,
  ): Promise<Refunded | Refused>
  /** Gives back, for the rest of the month, what the account used in it and no earlier reset gave back. */
  resetCredits(accountId: string, mode: Mode, actor: Actor): Promise<Granted | Refused>
}

/** Begins the externalId of a reset's grant, so that the next reset finds it. */
const resetPrefix = 'reset:'

export function manageCredits({ sql, commands }: ManagementDeps): Credits {
  async function grant(accountId: string, wanted: Grant, actor: Actor): Promise<Granted | Refused> {
    const account = await readAccount(sql, accountId)
    const objection = objectionTo(account, wanted.externalId)
    if (objection || !account) return objection ?? refused('account_unknown')
    const now = account.readAt.getTime()
    const startsAt = wanted.startsAt ?? iso(account.readAt)
    if (wanted.expiresAt !== undefined) {
      const expiresAtMs = Date.parse(wanted.expiresAt)
      if (expiresAtMs <= now) return refused('time_passed', { field: 'expiresAt' })
      if (expiresAtMs <= Date.parse(startsAt)) {
        return refused('ends_before_start', { field: 'expiresAt' })
      }
    }
    return give(account, { ...wanted, startsAt }, actor)
  }

  async function give(
    account: Pick<AccountRow, 'accountId' | 'shard' | 'secret'>,
    wanted: Grant & { readonly startsAt: string },
    actor: Actor,
  ): Promise<Granted | Refused> {
    const { accountId, shard, secret } = account
    const answer = await commands.grant(shard, {
      ...wanted,
      accountId,
      actor: actor.id,
      ...sealDocument(secret, accountId, reasonDocument(actor)),
    })
    const { credits } = wanted
    return refusalIn(answer) ?? { position: placesOf(answer, shard)[0] ?? null, credits }
  }

  async function adjust(accountId: string, wanted: Adjustment, actor: Actor) {
    const account = await readAccount(sql, accountId)
    const objection = objectionTo(account, wanted.externalId)
    if (objection || !account) return objection ?? refused('account_unknown')
    const { shard, secret } = account
    const answer = await commands.adjust(shard, {
      ...wanted,
      accountId,
      actor: actor.id,
      ...sealDocument(secret, accountId, reasonDocument(actor)),
    })
    const { taken = 0, debt = 0 } = answer
    return refusalIn(answer) ?? { positions: placesOf(answer, shard), taken, debt }
  }

  async function refund(
    requestId: string,
    wanted: { readonly credits?: number; readonly externalId?: string },
    actor: Actor,
  ): Promise<Refunded | Refused> {
    const charge = await readCharge(sql, requestId)
    if (!charge) return refused('charge_unknown')
    const { shard, accountId } = charge
    const secret = (await readSecrets(sql, [accountId])).get(accountId)
    const answer = await commands.refund(shard, {
      ...wanted,
      requestId,
      actor: actor.id,
      ...sealDocument(secret, accountId, reasonDocument(actor)),
    })
    const { credits = 0 } = answer
    return refusalIn(answer) ?? { position: placesOf(answer, shard)[0] ?? '', credits }
  }

  async function resetCredits(
    accountId: string,
    mode: Mode,
    actor: Actor,
  ): Promise<Granted | Refused> {
    const account = await readAccount(sql, accountId)
    if (!account) return refused('account_unknown')
    for (;;) {
      const {
        used,
        resetCredits: earlier,
        resets,
        nextMonth,
        readAt,
      } = await readMonthUse(sql, accountId, mode)
      const credits = used - earlier
      if (credits <= 0) return { position: null, credits: 0 }
      // Named by its number in the month: of two resets at once, one is refused and looks again.
      const externalId = `${resetPrefix}${mode}:${iso(readAt).slice(0, 7)}:${resets + 1}`
      const startsAt = iso(readAt)
      const expiresAt = iso(nextMonth)
      const wanted = {
        credits,
        kind: 'promotional',
        mode,
        startsAt,
        expiresAt,
        externalId,
      } as const
      const given = await give(account, wanted, actor)
      if (!isRefused(given) || given.refused !== 'external_id_taken') return given
    }
  }

  return { grant, adjust, refund, resetCredits }
}

function objectionTo(
  account: AccountRow | undefined,
  externalId: string | undefined,
): Refused | undefined {
  if (!account) return refused('account_unknown')
  if (account.erased) return refused('account_erased')
  if (externalId?.startsWith(resetPrefix)) {
    return refused('external_id_reserved', { field: 'externalId' })
  }
  return undefined
}

function refusalIn({ verdict, refundable }: CommandResult): Refused | undefined {
  switch (verdict) {
    case 'ok':
      return undefined
    case 'mismatch':
      return refused('external_id_taken')
    case 'no_such_account':
      return refused('account_unknown')
    case 'no_such_charge':
      return refused('charge_unknown')
    case 'exceeds_charge':
      return refused('exceeds_charge', { available: refundable ?? 0 })
    case 'version_conflict':
    case 'hash_taken':
      throw new Error(`the ledger answered ${verdict} to a movement of credits`)
    default:
      return verdict satisfies never
  }
}

function placesOf(answer: CommandResult, shard: number): string[] {
  return (answer.positions ?? []).map((position) => printPosition({ shard, position }))
}
