/** What support may do of what admins do: freeze an account, revoke a key, and move credits up to a bound. */
import type { SupportBounds } from '../../../config/config.ts'
import { refused } from '../../../management/decision.ts'
import type { Principal } from '../../auth/auth.ts'
import { RequestRefused, unwrap } from '../../errors/request-refused.ts'

/** @throws RequestRefused where support asks for anything but to freeze the account */
export function requireFreezing(
  principal: Principal,
  { frozen, ...others }: { readonly frozen?: boolean },
): void {
  if (principal.role !== 'support') return
  if (frozen === true && Object.values(others).every((value) => value === undefined)) return
  throw notSupport('Support may freeze an account, and change nothing else of it.')
}

/** @throws RequestRefused where support grants what was paid, or more than it may */
export function requireSmallGrant(
  principal: Principal,
  { credits, kind }: { readonly credits: number; readonly kind: 'paid' | 'promotional' },
  { maxGrant }: SupportBounds,
): void {
  if (principal.role !== 'support') return
  if (kind === 'paid') throw notSupport('Support grants promotional credits, and no paid ones.')
  if (credits > maxGrant) {
    throw notSupport(`Support grants at most ${maxGrant} credits at once (support.maxGrant).`)
  }
}

/**
 * @param charged what the call was charged, of which all is refunded where the request names no credits; undefined: nothing was charged yet
 * @throws RequestRefused where support refunds more than it may, or what is not known yet
 */
export async function requireSmallRefund(
  principal: Principal,
  credits: number | undefined,
  charged: () => Promise<number | undefined>,
  { maxRefund }: SupportBounds,
): Promise<void> {
  if (principal.role !== 'support') return
  const most = credits ?? (await charged()) ?? unwrap<never>(refused('charge_unknown'))
  if (most <= maxRefund) return
  throw notSupport(`Support refunds at most ${maxRefund} credits at once (support.maxRefund).`)
}

function notSupport(detail: string): RequestRefused {
  return new RequestRefused({ code: 'forbidden', detail: `${detail} An admin may.` })
}
