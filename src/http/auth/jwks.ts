// Verifies tokens by the signing keys of an identity provider, which are fetched from its JWKS URL and cached.
//
// Keys are fetched in the background when they are old, and at once when a token does not fit any of them: its key is
// new, or has the id of an older one. They are never fetched more often than the cooldown, or tokens with invented
// keys would make the gateway hammer the provider. While the provider is away, the known keys verify for a day and no
// longer, so that a key that the provider withdrew does not stay valid for ever. A token that would need newer keys
// is then neither valid nor invalid: nobody can tell.

import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import { fetchKeySet, type KeySet } from './fetch-key-set.ts'

const maxFreshAgeMs = 10 * 60_000
const maxUsableAgeMs = 24 * 60 * 60_000
const cooldownMs = 5_000

interface JwksOptions {
  readonly url: string
  /** A clock that never runs backwards. */
  readonly nowMs: () => number
  /** Called for every fetch that failed. */
  readonly warn: (message: string) => void
}

/** Whether a token is valid cannot be told: the keys cannot be fetched. */
export class SigningKeysUnavailable extends Error {
  override readonly name = 'SigningKeysUnavailable'
}

interface Jwks {
  /**
   * The claims of a valid token. The first token causes the first fetch.
   *
   * @throws SigningKeysUnavailable, or an error of jose's when the token is not valid
   */
  verify(token: string, checks: JWTVerifyOptions): Promise<JWTPayload>
}

export function openJwks({ url, nowMs, warn }: JwksOptions): Jwks {
  let keys: KeySet | undefined
  let fetchedAtMs = Number.NEGATIVE_INFINITY
  let triedAtMs = Number.NEGATIVE_INFINITY
  let isAway = false
  let lastFetch = Promise.resolve()

  return {
    async verify(token, checks) {
      if (ageMs() > maxUsableAgeMs) await refresh()
      else if (ageMs() > maxFreshAgeMs) void refresh()
      const known = usableKeys()
      try {
        return await verifyBy(known, token, checks)
      } catch (error) {
        if (!needsNewerKeys(error)) throw error
        await refresh()
        if (isAway) throw new SigningKeysUnavailable(`no newer signing keys from ${url}`)
        if (usableKeys() === known) throw error
        return verifyBy(usableKeys(), token, checks)
      }
    },
  }

  function ageMs() {
    return nowMs() - fetchedAtMs
  }

  function usableKeys(): KeySet {
    if (keys && ageMs() <= maxUsableAgeMs) return keys
    throw new SigningKeysUnavailable(`no signing keys from ${url}`)
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
      keys = await fetchKeySet(url)
      fetchedAtMs = nowMs()
      isAway = false
    } catch (error) {
      isAway = true
      warn(`could not fetch signing keys from ${url}: ${error}`)
    }
  }
}

/** Tries every key that fits the token, where it does not say which one signed it. */
async function verifyBy(
  { find }: KeySet,
  token: string,
  checks: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, find, checks)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, checks)).payload
      } catch (ofKey) {
        if (!(ofKey instanceof errors.JWSSignatureVerificationFailed)) throw ofKey
      }
    }
    throw error
  }
}

/** No known key signed the token; a newer one may have. */
function needsNewerKeys(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JWSSignatureVerificationFailed
  )
}
