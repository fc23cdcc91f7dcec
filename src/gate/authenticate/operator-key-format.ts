// The text of an operator key: `sk_op_`, 32 random base62 digits, and a checksum as that of an API key (key-format.ts).

import { operatorKeyPrefix } from '../../config/operator-key-prefix.ts'
import { type Random, randomBase62 } from '../../lib/base62.ts'
import {
  checksumDigits,
  displayKey,
  hasChecksum,
  hashKey,
  type MintedKey,
  withChecksum,
} from './key-format.ts'

const randomDigits = 32

export function mintOperatorKey(random: Random): MintedKey {
  const key = withChecksum(operatorKeyPrefix + randomBase62(randomDigits, random))
  return { key, hash: hashKey(key), display: displayKey(key, operatorKeyPrefix) }
}

/** Whether such an operator key can have been issued: typos are refused without a look-up. */
export function isOperatorKey(text: string): boolean {
  return textPattern.test(text) && hasChecksum(text)
}

const textPattern = new RegExp(
  `^${operatorKeyPrefix}[0-9A-Za-z]{${randomDigits + checksumDigits}}$`,
)
