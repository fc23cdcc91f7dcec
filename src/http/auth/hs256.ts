// Signs and verifies tokens with a shared secret (HS256). The two functions of Elysia's JWT plugin need no
// running app, so the command line signs with what the gateway verifies with.

import { jwt } from '@elysiajs/jwt'
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'

/** A secret that is shorter than the hash can be guessed offline from one token (RFC 7518, 3.2). */
const minSecretBytes = 32
const minDifferentCharacters = 8

/**
 * @param variable where the secret stands
 * @throws Error when the secret is weak, see `secretFault`
 */
export function openHs256(secret: string, variable = 'JWT_SECRET') {
  const fault = secretFault(secret)
  if (fault !== undefined) throw new Error(`${variable}: ${fault}`)
  return jwt({ name: 'hs256', alg: 'HS256', secret }).decorator.hs256
}

/**
 * Verifies tokens that were signed with any of these secrets.
 * @throws an error of jose's that says why a token is not accepted
 */
export function openSecrets(
  secrets: readonly { readonly secret: string; readonly variable: string }[],
) {
  const opened = secrets.map(({ secret, variable }) => ({ secret, ...openHs256(secret, variable) }))
  return async (token: string, checks: JWTVerifyOptions): Promise<JWTPayload> => {
    for (const { verify } of opened) {
      const claims = await verify(token, checks)
      if (claims) return claims
    }
    const faults = await Promise.all(opened.map(({ secret }) => hs256Error(secret, token, checks)))
    // What is wrong with a token says the secret that signed it, if any did.
    throw (
      faults.find((fault) => !(fault instanceof errors.JWSSignatureVerificationFailed)) ?? faults[0]
    )
  }
}

/** Why a token is not accepted, which the plugin does not say: the error of jose's. */
async function hs256Error(
  secret: string,
  token: string,
  checks: JWTVerifyOptions,
): Promise<unknown> {
  try {
    await jwtVerify(token, new TextEncoder().encode(secret), checks)
  } catch (error) {
    return error
  }
}

/** Why a secret cannot sign tokens: it can be guessed, or it is not what its owner takes it for. It is not repeated here. */
export function secretFault(secret: string): string | undefined {
  const bytes = Buffer.byteLength(secret)
  if (secret.startsWith('-----BEGIN')) {
    return 'expected a secret, got a PEM key; for public keys set JWKS_URL'
  }
  if (/\p{Cc}/u.test(secret)) {
    return 'expected one line, got a line break or another control character, which a file may have at its end'
  }
  if (bytes < minSecretBytes) return `expected at least ${minSecretBytes} bytes, got ${bytes}`
  if (new Set(secret).size < minDifferentCharacters || isRepeated(secret)) {
    return 'expected random characters, got a few that are repeated; `openssl rand -hex 32` makes some'
  }
  return undefined
}

/** Whether a text is a shorter one again and again. */
function isRepeated(text: string): boolean {
  for (let period = 1; period <= text.length / 2; period++) {
    if (text.startsWith(text.slice(period))) return true
  }
  return false
}
