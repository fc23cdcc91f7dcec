// The ids that Tollbook makes. None carries personal data, because the log keeps ids for ever.

import { encodeBase62, randomBase62, secureRandom } from './base62.ts'

/** The owner of an account. */
export interface Owner {
  readonly kind: 'user' | 'organisation'
  readonly id: string
}

/** 22 base62 digits are 131 bits, so no two ids will ever be equal. */
const idDigits = 22

/**
 * A UUIDv7: sorts by time, so that a log viewer shows requests in their order. The ledger takes an id only near its time.
 * @param nowMs milliseconds since 1970: the ledger's, where the id is to be written there
 */
export function newRequestId(nowMs: number = Date.now()): string {
  return Bun.randomUUIDv7('hex', Math.floor(nowMs))
}

/** Names a gateway process in the log. 12 hex digits: a ledger sees thousands of processes, and not millions. */
export function newInstanceId(): string {
  return `gw_${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`
}

/** `key_` and 22 base62 digits. It names a key in the ledger and in URLs, and is not the secret. */
export function newKeyId(): string {
  return `key_${randomBase62(idDigits, secureRandom)}`
}

/** `opk_` and 22 base62 digits: it names an operator key, and is not the secret. */
export function newOperatorKeyId(): string {
  return `opk_${randomBase62(idDigits, secureRandom)}`
}

/**
 * `acc_` and the first 22 base62 digits of the SHA-256 of `kind:id`. The id is computed rather than random,
 * so two gateways that open the same owner's account at once open the same account.
 */
export function accountIdOf({ kind, id }: Owner): string {
  const digest = Bun.SHA256.hash(`${kind}:${id}`, 'hex')
  return `acc_${encodeBase62(BigInt(`0x${digest}`), sha256Digits).slice(0, idDigits)}`
}

/** 62^43 is the first power above 2^256, so every digest is written with this many digits. */
const sha256Digits = 43
