// The signing keys of an identity provider, fetched from its JWKS URL and cached.
//
// jose's own cache drops its keys at a certain age and then fails every token until the provider replies again: an
// outage of the provider would sign everyone out. So the cache of jose never ages here, and this file decides when to
// fetch again: in the background when the keys are old, and at once when a token names a key that is not among them
// (a rotation). It never fetches more often than the cooldown, or tokens with invented key ids would make the gateway
// hammer the provider. While the provider is away, old keys verify for a day and no longer, so that a key that the
// provider withdrew does not stay valid for ever.

import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'

const maxFreshAgeMs = 10 * 60_000
const maxUsableAgeMs = 24 * 60 * 60_000
const cooldownMs = 5_000
const timeoutMs = 5_000

interface JwksOptions {
  readonly url: string
  /** A clock that never runs backwards. */
  readonly nowMs: () => number
  /** Called for every fetch that failed. */
  readonly warn: (message: string) => void
}

/** Finds keys for jose's `jwtVerify`. The first token causes the first fetch. */
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
    if (ageMs() > maxUsableAgeMs) await refresh()
    else if (ageMs() > maxFreshAgeMs) void refresh()
    if (ageMs() > maxUsableAgeMs) throw new Error(`no signing keys from ${url}`)
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

  /** Tokens within the cooldown share one fetch. It never rejects: the known keys stay known. */
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
