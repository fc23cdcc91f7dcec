/** What changes much at once is not done by a browser that somebody has left signed in. */

import type { Sql } from '../../ledger/connect.ts'
import { readClock } from '../../ledger/read/read-clock.ts'
import { RequestRefused } from '../errors/request-refused.ts'
import type { Principal } from './auth.ts'

const maxMinutes = 10

/**
 * A token is as good as it says itself; a session of a browser lasts for hours.
 * @throws RequestRefused when the browser was signed in more than ten minutes ago
 */
export async function requireRecentSignIn(sql: Sql, { signedInAt }: Principal): Promise<void> {
  if (signedInAt === undefined) return
  const now = await readClock(sql)
  if (now.getTime() - signedInAt.getTime() <= maxMinutes * 60_000) return
  throw new RequestRefused({
    code: 'sign_in_too_old',
    detail: `This needs a sign-in that is at most ${maxMinutes} minutes old: sign in again.`,
  })
}
