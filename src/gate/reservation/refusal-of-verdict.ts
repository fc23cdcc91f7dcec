import { budgetWords } from '../../../events/budget.ts'
import type { AppendResult, Verdict } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { type CreditScale, formatCredits } from '../../lib/credit-scale.ts'
import { type Refusal, unknownKey } from '../../problems/refusal.ts'
import { outcomeUnknown, requestIsTaken, tooExpensive, tooManyInFlight } from '../refusals.ts'

/**
 * What the client reads when the ledger refuses to hold so many credits, or to extend a hold by them.
 * @param scale how people see credits: the text is for them, and the fields beside it have whole credits
 * @throws Error for a verdict that is none of a hold
 */
export function refusalOfVerdict(
  result: AppendResult,
  required: number,
  key: KeyRecord,
  scale: CreditScale | undefined,
): Refusal {
  const { verdict, shard, position, available, recordedAt } = result
  const needed = `This call needs ${neededText(required, scale)}`
  const left = scale ? formatCredits(available, scale) : String(available)
  const shortage = {
    required,
    available,
    resetsAt: nextMonth(recordedAt),
    position: `${shard}-${position}`,
  }
  switch (verdict) {
    case 'insufficient_credits':
      return {
        code: 'insufficient_credits',
        detail: `${needed} and ${left} ${scale ? 'is' : 'are'} available.`,
        extensions: shortage,
      }
    case 'key_cap_reached':
      return {
        code: 'key_cap_reached',
        detail: `${needed} and the key's monthly cap leaves ${left}.`,
        extensions: shortage,
      }
    case 'budget_exceeded':
      return budgetExceeded(result, required, { needed, left, scale })
    case 'concurrency_exceeded':
      return tooManyInFlight
    case 'amount_out_of_range':
      return tooExpensive(scale)
    case 'key_revoked':
      return unknownKey
    case 'key_disabled':
      return { code: 'key_disabled', detail: 'This API key is disabled.' }
    case 'key_expired':
      // A secret from before a rotation, once its grace is over, reads like one that never was.
      if (key.previousUntil) return unknownKey
      return { code: 'key_expired', detail: 'This API key has expired.' }
    case 'account_frozen':
      return { code: 'account_frozen', detail: 'The account of this API key is frozen.' }
    case 'mismatch':
      return {
        code: 'idempotency_mismatch',
        detail:
          'This Idempotency-Key was used for another path or body. Use a new one for each call.',
      }
    case 'in_progress':
      return {
        code: 'idempotency_in_progress',
        detail: 'The first call with this Idempotency-Key still runs; try again for its response.',
        headers: { 'Retry-After': '1' },
      }
    case 'duplicate_request':
      return requestIsTaken
    case 'outcome_unknown':
      return outcomeUnknown
    default:
      throw new Error(`the ledger cannot say ${verdict} to a hold`)
  }
}

/** Waiting helps where the budget has so much at all. */
function budgetExceeded(
  { shard, position, available, recordedAt, exceeded }: AppendResult,
  required: number,
  { needed, left, scale }: { needed: string; left: string; scale: CreditScale | undefined },
): Refusal {
  if (!exceeded) throw new Error('the ledger names the budget that is exceeded')
  const { name, credits, endsAt } = exceeded
  const [budget, resetsAt] = [budgetWords(name), endsAt.toISOString()]
  const waitSeconds = Math.ceil((endsAt.getTime() - recordedAt.getTime()) / 1_000)
  const isEnough = required <= credits
  return {
    code: 'budget_exceeded',
    detail: isEnough
      ? `${needed} and budgets leave ${left}: ${budget} begins anew at ${resetsAt}.`
      : `${needed} and ${budget} is ${scale ? formatCredits(credits, scale) : credits}.`,
    extensions: { required, available, budget: name, resetsAt, position: `${shard}-${position}` },
    // Of an extension the span can be over.
    ...(isEnough && waitSeconds > 0 && { headers: { 'Retry-After': String(waitSeconds) } }),
  }
}

function neededText(credits: number, scale: CreditScale | undefined): string {
  return scale ? formatCredits(credits, scale) : `${credits} credit${credits === 1 ? '' : 's'}`
}

/** The first moment of the next UTC month, when allowances begin anew. */
function nextMonth(time: Date): string {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 1)).toISOString()
}

/** Whether the account's leases may have what was missing. */
export function isShort({ verdict }: Pick<AppendResult, 'verdict'>): boolean {
  return isShortOfCredits(verdict) || verdict === 'concurrency_exceeded'
}

/** Whether leases may have the credits that were missing: what they reserve counts in budgets, too. */
export function isShortOfCredits(verdict: Verdict): boolean {
  return verdict === 'insufficient_credits' || verdict === 'budget_exceeded'
}
