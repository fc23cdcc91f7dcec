/**
 * A link that signs in once, for whoever sits at the machine on which `tollbook up` was started. It lasts ten minutes, and only
 * a browser of the same machine can use it.
 */
import { timingSafeEqual } from 'node:crypto'
import type { SessionOwner } from '../../ledger/sessions/session-rows.ts'

const lifetimeMs = 10 * 60_000

export interface SignInLink {
  /** Stands in the link. */
  readonly token: string
  /**
   * Signs in whoever has the token; undefined: it is wrong, used or too old. A sign-in that fails does not use it up.
   * @param open opens the session
   */
  signIn<Session>(
    token: string,
    open: (owner: SessionOwner) => Promise<Session>,
  ): Promise<Session | undefined>
}

/** @param nowMs a monotonic clock */
export function newSignInLink(
  owner: SessionOwner,
  nowMs: () => number = () => performance.now(),
): SignInLink {
  const token = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  const until = nowMs() + lifetimeMs
  let isUsed = false
  return {
    token,
    async signIn(given, open) {
      const [a, b] = [Buffer.from(given), Buffer.from(token)]
      if (isUsed || nowMs() > until || a.length !== b.length || !timingSafeEqual(a, b)) {
        return undefined
      }
      // Before the session is there, so that of two at once one is signed in.
      isUsed = true
      try {
        return await open(owner)
      } catch (error) {
        isUsed = false
        throw error
      }
    },
  }
}

/** Whether a request was made on this machine, for an address of it, and not through a proxy. */
export function isFromThisMachine({ headers, url }: Request, ip: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) =>
    headers.has(name),
  )
  return isLoopback(ip) && isLoopback(host) && !isForwarded
}

function isLoopback(address: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|::ffff:127(\.\d{1,3}){3})$/.test(address)
}
