// The ids that Tollbook gives out. None carries personal data, because ids stand in the log for ever.

import { encodeBase62, randomBase62, secureRandom } from './base62.ts'

/** Whose an account is. */
export interface Owner {
  readonly kind: 'user' | 'organisation'
  readonly id: string
}

/** 22 base62 digits are 131 bits: no two will meet. */
const idDigits = 22

/** A UUIDv7: sorts by time, so that a log viewer shows requests in their order. */
export function newRequestId(): string {
  return Bun.randomUUIDv7()
}

/** `key_` and 22 base62 digits. It names a key in the ledger and in URLs; it is not the secret. */
export function newKeyId(): string {
  return `key_${randomBase62(idDigits, secureRandom)}`
}

/**
 * `acc_` and the first 22 base62 digits of the SHA-256 of `kind:id`. Computed rather than drawn, so
 * that two gateways opening the same owner's account at once name the same account.
 */
export function accountIdOf({ kind, id }: Owner): string {
  const digest = Bun.SHA256.hash(`${kind}:${id}`, 'hex')
  return `acc_${encodeBase62(BigInt(`0x${digest}`), sha256Digits).slice(0, idDigits)}`
}

/** 62^43 is the first power above 2^256, so every digest is written with this many digits. */
const sha256Digits = 43
