/** Prints one key, or a list of keys. */
import type { KeyView } from '../../management/key-view.ts'
import { asCredits, creditFigure, dim, formatNumber, pairs, say, table, time } from '../output.ts'
import { budgetText } from './budget-text.ts'

/** Whether the key works, in one word. */
export function stateOf(
  key: Pick<KeyView, 'revokedAt' | 'enabled' | 'expiresAt' | 'readAt'>,
): string {
  if (key.revokedAt !== null) return 'revoked'
  if (!key.enabled) return 'disabled'
  return key.expiresAt !== null && key.expiresAt <= key.readAt ? 'expired' : 'active'
}

export function printKeys(keys: readonly KeyView[]): void {
  if (keys.length === 0) {
    say(dim('No keys.'))
    return
  }
  table(
    ['Key', 'Display', 'Name', 'Owner', 'Plan', 'State', 'Used', 'Last call (UTC)'],
    keys.map((key) => [
      key.keyId,
      key.display,
      key.name,
      `${key.owner.kind} ${key.owner.id}`,
      key.plan,
      stateOf(key),
      asCredits(key.creditsUsed),
      key.lastUsedAt === null ? '' : time(key.lastUsedAt),
    ]),
  )
}

export function printKey(key: KeyView): void {
  const narrowed = (own: number | null, otherwise: number, format: (of: number) => string) =>
    own === null ? `${format(otherwise)} (the account's)` : format(own)
  const permissions = key.endpoints ?? (key.planEndpoints === 'all' ? ['all'] : key.planEndpoints)
  pairs([
    ['Key', key.keyId],
    ['Display', key.display],
    ['State', stateOf(key)],
    ['Name', key.name || null],
    ['Description', key.description],
    ['Owner', `${key.owner.kind} ${key.owner.id}`],
    ['Account', key.accountId],
    ['Plan', key.plan],
    ['Mode', key.mode],
    ['Permissions', permissions.join(', ')],
    ['From addresses', key.allowedIps.join(', ') || 'any'],
    ['Rate limit (calls)', narrowed(key.rateLimit, key.accountRateLimit, formatNumber)],
    ['Credits a month', narrowed(key.monthlyCap, key.planCredits, creditFigure)],
    ['Group', key.group],
    ['Budgets', key.budgets.map(budgetText).join('; ') || null],
    ['Used this month', asCredits(key.creditsUsed)],
    ['Expires (UTC)', key.expiresAt === null ? 'never' : time(key.expiresAt)],
    ['Old secret works until', key.previousUntil && time(key.previousUntil)],
    ['Created (UTC)', time(key.createdAt)],
    ['Revoked (UTC)', key.revokedAt && time(key.revokedAt)],
    ['Last call (UTC)', key.lastUsedAt && time(key.lastUsedAt)],
  ])
}
