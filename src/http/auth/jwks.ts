// The signing keys of an identity provider, fetched from its JWKS URL and kept.
//
// jose's own cache forgets its keys when they reach their age and then fails every token until the
// provider answers again: a ten-minute outage there would sign everyone out here. So its cache never
// ages, and this file decides when to ask again: in the background when the keys are old, at once when
// a token names a key that is not among them (a rotation), and never more often than the cooldown, or
// tokens with made-up key ids would make the gateway hammer the provider. Old keys go on verifying while
// the provider is away, for a day: longer, and a key it has withdrawn would never be unlearned.

import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'

const refreshAfterMs = 10 * 60_000
const distrustAfterMs = 24 * 60 * 60_000
const cooldownMs = 5_000
const timeoutMs = 5_000

export interface JwksOptions {
  readonly url: string
  /** A clock that never runs backwards. */
  readonly nowMs: () => number
  /** Told of every fetch that failed. */
  readonly warn: (message: string) => void
}

/** A key finder for jose's `jwtVerify`. Fetches nothing until it is first asked. */
export function openJwks({ url, nowMs, warn }: JwksOptions): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
    timeoutDuration: timeoutMs,
  })
  let triedAtMs = Number.NEGATIVE_INFINITY
  let fetchedAtMs = Number.NEGATIVE_INFINITY
  let lastFetch = Promise.resolve()

  return async (header, token) => {
    if (ageMs() > distrustAfterMs) await refresh()
    else if (ageMs() > refreshAfterMs) void refresh()
    if (ageMs() > distrustAfterMs) throw new Error(`no signing keys from ${url}`)
    try {
      return await remote(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await refresh()
      return await remote(header, token)
    }
  }

  function ageMs() {
    return nowMs() - fetchedAtMs
  }

  /** One fetch for all who ask within the cooldown. Never rejects: what is known stays known. */
  function refresh(): Promise<void> {
    if (nowMs() - triedAtMs >= cooldownMs) {
      triedAtMs = nowMs()
      lastFetch = fetchKeys()
    }
    return lastFetch
  }

  async function fetchKeys() {
    try {
      await remote.reload()
      fetchedAtMs = nowMs()
    } catch (error) {
      warn(`could not fetch signing keys from ${url}: ${error}`)
    }
  }
}
