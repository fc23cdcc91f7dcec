// Why a token is not accepted: for the operator, in the gateway's log and from `tollbook doctor --token`. Its bearer is not
// told, and the token itself is never repeated.

import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { printable } from '../../lib/printable-text.ts'

/** A token that is valid as such, and not accepted all the same. The message says why. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
}

/**
 * @param error what verifying it threw: an error of jose's or `TokenRefused`
 * @returns such as `aud: expected "tollbook", got "other"`
 */
export function tokenFault(error: unknown, token: string, checks: JWTVerifyOptions): string {
  if (error instanceof TokenRefused) return error.message
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) {
    return claimFault(error, checks)
  }
  const { alg, kid } = headerOf(token)
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return `kid ${printed(kid)}, alg ${printed(alg)}: no signing key of the provider fits`
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    const key = alg === 'HS256' ? 'JWT_SECRET' : `the signing key ${printed(kid)}`
    return `the signature was not made with ${key}`
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `alg ${printed(alg)}: expected one of ${checks.algorithms?.join(', ')}`
  }
  return 'it is not a JSON Web Token that can be verified'
}

interface Failed {
  readonly claim: string
  readonly payload: JWTPayload
}

/** The signature was verified by then: what is repeated here, the issuer wrote. */
function claimFault({ claim, payload }: Failed, { issuer, audience }: JWTVerifyOptions): string {
  const value = payload[claim]
  const expected = { iss: issuer, aud: audience }[claim]
  if (expected !== undefined)
    return `${claim}: expected ${printed(expected)}, got ${printed(value)}`
  if (value === undefined) return `${claim}: missing`
  if (claim === 'exp' && typeof value === 'number') return `exp: expired at ${timeOf(value)}`
  if (claim === 'nbf' && typeof value === 'number') return `nbf: not valid before ${timeOf(value)}`
  return `${claim}: got ${printed(value)}`
}

function headerOf(token: string) {
  try {
    return decodeProtectedHeader(token)
  } catch {
    return {}
  }
}

/** @param seconds since 1970, or any other number */
function timeOf(seconds: number): string {
  const time = new Date(seconds * 1_000)
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString()
}

const maxPrintedLength = 200

/** A value of the token: whoever made it up can neither fill a log nor forge a line. */
export function printed(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = printable(JSON.stringify(value))
  return text.length > maxPrintedLength ? `${text.slice(0, maxPrintedLength)}…` : text
}
