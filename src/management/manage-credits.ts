/** Credits that an operator grants, takes away or refunds. The ledger's SQL functions decide; this prepares them. */
import { maxAmount } from '../../events/bounds.ts'
import { type Mode, printPosition } from '../../events/event.ts'
import type { GrantSpans, ManagementResult } from '../ledger/commands/management-commands.ts'
import {
  type AccountRow,
  readAccount,
  readMonthUse,
  readSecrets,
} from '../ledger/read/read-accounts.ts'
import { readCharge } from '../ledger/read/read-charge.ts'
import { readCurrentTariffs } from '../ledger/read/read-tariffs.ts'
import { subtractSums } from '../lib/sums.ts'
import type { Actor } from './actor.ts'
import { isRefused, type Refused, refused } from './decision.ts'
import { execute } from './execute.ts'
import { isoTime } from './iso-time.ts'
import type { ManagementDeps } from './management-deps.ts'
import { reasonDocument, sealDocument } from './seal-events.ts'

interface Grant {
  readonly credits: number
  readonly kind: 'paid' | 'promotional'
  readonly mode: Mode
  /** ISO 8601; now when absent. */
  readonly startsAt?: string
  /** ISO 8601; never when absent. */
  readonly expiresAt?: string
  readonly spans?: GrantSpans
  /** Unique per account: the same grant again under it returns the first one's result. */
  readonly externalId?: string
  readonly paid?: { readonly minorUnits: number; readonly currency: string }
}

interface Pack {
  /** A pack of the tariff in force. */
  readonly pack: string
  readonly mode: Mode
  /** Unique per account: the same pack again under it returns the first one's result. */
  readonly externalId: string
}

interface Adjustment {
  /** How much to take. */
  readonly credits: number
  readonly mode: Mode
  readonly externalId?: string
}

interface Refund {
  /** All that is left of the charge when absent. */
  readonly credits?: number
  readonly externalId?: string
}

export interface Granted {
  /** The printed position of the grant, which names the lot; null when there was nothing to grant. */
  readonly position: string | null
  readonly credits: number
}

export interface Adjusted {
  /** Printed. */
  readonly positions: readonly string[]
  /** What could be taken, and what became a debt that the next free credits repay. */
  readonly taken: number
  readonly debt: number
}

export interface Refunded {
  /** Printed. */
  readonly position: string
  readonly credits: number
}

export interface Credits {
  grant(accountId: string, grant: Grant, actor: Actor): Promise<Granted | Refused>
  /** Grants a pack that was bought, as the tariff in force has it. */
  grantPack(accountId: string, pack: Pack, actor: Actor): Promise<Granted | Refused>
  adjust(accountId: string, adjustment: Adjustment, actor: Actor): Promise<Adjusted | Refused>
  refund(requestId: string, refund: Refund, actor: Actor): Promise<Refunded | Refused>
  /**
   * Grants what the account has used in the present month and no earlier reset has granted. The grant expires
   * with the month.
   */
  resetCredits(accountId: string, mode: Mode, actor: Actor): Promise<Granted | Refused>
}

export function manageCredits(deps: ManagementDeps): Credits {
  return {
    grant: (accountId, grant, actor) => grantCredits(deps, accountId, grant, actor),
    grantPack: (accountId, pack, actor) => grantPack(deps, accountId, pack, actor),
    adjust: (accountId, adjustment, actor) => adjustCredits(deps, accountId, adjustment, actor),
    refund: (requestId, refund, actor) => refundCharge(deps, requestId, refund, actor),
    resetCredits: (accountId, mode, actor) => resetCredits(deps, accountId, mode, actor),
  }
}

/**
 * The externalId of a refund that is made only if the response of the call is known to be lost. The Idempotency-Key of such a
 * call gives no response any more.
 */
export function undeliveredId(requestId: string): string {
  return `undelivered:${requestId}`
}

/** The externalId of a reset's grant begins with it, so that the next reset finds the grant. */
const resetPrefix = 'reset:'

async function grantCredits(
  deps: ManagementDeps,
  accountId: string,
  grant: Grant,
  actor: Actor,
): Promise<Granted | Refused> {
  const account = await findAccount(deps, accountId, grant.externalId)
  if (isRefused(account)) return account
  const startsAt = grant.startsAt ?? isoTime(account.readAt)
  return recordGrant(deps, account, { ...grant, startsAt }, actor)
}

async function recordGrant(
  { commands }: ManagementDeps,
  { accountId, shard, secret }: Pick<AccountRow, 'accountId' | 'shard' | 'secret'>,
  grant: Grant & { readonly startsAt: string },
  actor: Actor,
): Promise<Granted | Refused> {
  const result = await commands.grant(shard, {
    ...grant,
    accountId,
    actor: actor.id,
    ...sealDocument(secret, accountId, reasonDocument(actor)),
  })
  const { credits } = grant
  return refusalOf(result) ?? { position: printPositions(result, shard)[0] ?? null, credits }
}

async function grantPack(
  deps: ManagementDeps,
  accountId: string,
  pack: Pack,
  actor: Actor,
): Promise<Granted | Refused> {
  const account = await findAccount(deps, accountId, pack.externalId)
  if (isRefused(account)) return account
  const { shard, secret } = account
  const result = await deps.commands.grantPack(shard, {
    ...pack,
    accountId,
    actor: actor.id,
    ...sealDocument(secret, accountId, reasonDocument(actor)),
  })
  if (result.verdict === 'no_such_pack') {
    const known = (await readCurrentTariffs(deps.sql, shard))[0]?.packs ?? {}
    const expected =
      Object.keys(known).sort().join(', ') || 'none: the tariff in force has no packs'
    return refused('pack_unknown', { field: 'pack', expected })
  }
  const { credits = 0 } = result
  return refusalOf(result) ?? { position: printPositions(result, shard)[0] ?? null, credits }
}

async function adjustCredits(
  deps: ManagementDeps,
  accountId: string,
  adjustment: Adjustment,
  actor: Actor,
): Promise<Adjusted | Refused> {
  const account = await findAccount(deps, accountId, adjustment.externalId)
  if (isRefused(account)) return account
  const { shard, secret } = account
  const result = await deps.commands.adjust(shard, {
    ...adjustment,
    accountId,
    actor: actor.id,
    ...sealDocument(secret, accountId, reasonDocument(actor)),
  })
  const { taken = 0, debt = 0 } = result
  return refusalOf(result) ?? { positions: printPositions(result, shard), taken, debt }
}

async function refundCharge(
  { sql, commands }: ManagementDeps,
  requestId: string,
  refund: Refund,
  actor: Actor,
): Promise<Refunded | Refused> {
  const charge = await readCharge(sql, requestId)
  if (!charge) return refused('charge_unknown')
  const { shard, accountId } = charge
  const secret = (await readSecrets(sql, [accountId])).get(accountId)
  const result = await commands.refund(shard, {
    ...refund,
    requestId,
    actor: actor.id,
    ...sealDocument(secret, accountId, reasonDocument(actor)),
  })
  return refundOf(result, shard)
}

/** What came of a refund. */
export function refundOf(result: ManagementResult, shard: number): Refunded | Refused {
  const { credits = 0 } = result
  return refusalOf(result) ?? { position: printPositions(result, shard)[0] ?? '', credits }
}

async function resetCredits(
  deps: ManagementDeps,
  accountId: string,
  mode: Mode,
  { once, ...actor }: Actor,
): Promise<Granted | Refused> {
  const account = await readAccount(deps.sql, accountId)
  if (!account) return refused('account_unknown')
  // The change of the key, of which a reset is a part, has the name itself.
  const ofReset = once && { ...once, id: `${once.id}:reset` }
  const prepare = async () => {
    const granted = await grantUsed(deps, account, mode, actor)
    return isRefused(granted)
      ? granted
      : { shard: account.shard, events: [], expected: [], result: granted }
  }
  const again = { position: null, credits: 0 }
  return execute<Granted>(deps.commands, { ...actor, once: ofReset }, prepare, again)
}

async function grantUsed(
  deps: ManagementDeps,
  account: AccountRow,
  mode: Mode,
  actor: Actor,
): Promise<Granted | Refused> {
  for (;;) {
    const month = await readMonthUse(deps.sql, account.accountId, mode)
    // A grant is one amount: what is beyond it is left to the next reset.
    const left = subtractSums(month.used, month.resetCredits)
    const credits = Math.min(Number(left), maxAmount)
    if (credits <= 0) return { position: null, credits: 0 }
    const startsAt = isoTime(month.readAt)
    const expiresAt = isoTime(month.nextMonth)
    // Named by its number in the month: of two resets at once, one is refused and reads the month again.
    const externalId = `${resetPrefix}${mode}:${startsAt.slice(0, 7)}:${month.resets + 1}`
    const grant = { credits, kind: 'promotional', mode, startsAt, expiresAt, externalId } as const
    const granted = await recordGrant(deps, account, grant, actor)
    if (!isRefused(granted) || granted.refused !== 'external_id_taken') return granted
  }
}

async function findAccount(
  { sql }: ManagementDeps,
  accountId: string,
  externalId: string | undefined,
): Promise<AccountRow | Refused> {
  const account = await readAccount(sql, accountId)
  if (!account) return refused('account_unknown')
  if (account.erased) return refused('account_erased')
  if (externalId?.startsWith(resetPrefix)) {
    return refused('external_id_reserved', { field: 'externalId' })
  }
  return account
}

function refusalOf({ verdict, refundable, room }: ManagementResult): Refused | undefined {
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
    case 'delivery_pending':
    case 'delivery_not_unknown':
      return refused(verdict)
    case 'too_many_credits':
      return refused('too_many_credits', { available: room ?? 0 })
    case 'time_passed':
    case 'ends_before_start':
      return refused(verdict, { field: 'expiresAt' })
    case 'no_such_pack':
    case 'amount_out_of_range':
    case 'version_conflict':
    case 'hash_taken':
      throw new Error(`the ledger returned ${verdict} for a movement of credits`)
    default:
      return verdict satisfies never
  }
}

function printPositions({ positions = [] }: ManagementResult, shard: number): string[] {
  return positions.map((position) => printPosition({ shard, position }))
}
