import type { OwnersManagement } from '../../../management/management.ts'
import { ownerOf, type Principal } from '../../auth/auth.ts'
import { orNotFound } from '../../errors/request-refused.ts'

/**
 * A key of the principal's account.
 *
 * @throws RequestRefused when there is none of this id; somebody else's key is none
 */
export async function readOwnKey(
  management: OwnersManagement,
  principal: Principal,
  keyId: string,
) {
  return orNotFound(await management.readKey(ownerOf(principal), keyId), 'key')
}
