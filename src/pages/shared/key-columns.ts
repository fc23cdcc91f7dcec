import { dayText } from './format.ts'
import type { Column } from './parts.tsx'
import type { Key } from './types.ts'

/** Whether a key works, in words. */
export function stateText({ active, revokedAt, expiresAt, mode }: Key): string {
  const ofMode = mode === 'test' ? ' (test)' : ''
  if (revokedAt !== null) return `revoked${ofMode}`
  if (!active) return `disabled${ofMode}`
  if (expiresAt === null) return `works${ofMode}`
  return `${Date.parse(expiresAt) < Date.now() ? 'expired' : 'works until'} ${dayText(expiresAt)}${ofMode}`
}

/** What a list of keys says of each beside its name. @param credits an amount as it is shown */
export const stateColumns = (
  credits: (amount: number | string) => string,
): readonly Column<Key>[] => [
  { head: 'State', cell: stateText },
  { head: 'Last used', cell: ({ lastUsedAt }) => (lastUsedAt ? dayText(lastUsedAt) : 'never') },
  {
    head: 'Charged this month',
    isFigure: true,
    cell: ({ creditsUsed }) => credits(creditsUsed),
  },
]
