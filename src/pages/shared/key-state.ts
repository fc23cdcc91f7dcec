import { dayText } from './format.ts'
import type { Key } from './types.ts'

/** Whether a key works, in words. */
export function stateText({ active, revokedAt, expiresAt, mode }: Key): string {
  const ofMode = mode === 'test' ? ' (test)' : ''
  if (revokedAt !== null) return `revoked${ofMode}`
  if (!active) return `disabled${ofMode}`
  if (expiresAt === null) return `works${ofMode}`
  return `${Date.parse(expiresAt) < Date.now() ? 'expired' : 'works until'} ${dayText(expiresAt)}${ofMode}`
}
