// The text of an API key:
//
//   sk_live_ 0K 4fT…(32 random base62 digits)…9q 2Xb81c
//   prefix   shard                               checksum
//
// The shard says where the key's account lives, so that a look-up asks one shard. The checksum is the
// CRC-32 of everything before it, so that typos and scans are refused without a look-up. It is no
// secret and proves nothing: what a key may do is decided by the SHA-256 of its whole text.
//
// What the checksum catches, for certain: one changed character and two swapped neighbours. Within the
// body because a CRC-32 differs after any change that spans at most 32 bits; within the checksum because
// it is compared exactly; across their border because that swap would need two CRCs whose difference is
// a multiple of 62^5, and so of 32, which no two of them have (a test goes through all of them). Any
// other damage passes once in 2^32, random text of the right length and alphabet once in 62^6, and then
// finds no key.
//
// Keys imported from the replaced service are a prefix and 32 base64url characters.

import { encodeBase62, type Random, randomBase62, readBase62 } from '../../lib/base62.ts'

export type KeyMode = 'live' | 'test'

/** What a key begins with, by mode: `sk_live_` and `sk_test_` as shipped. Two different ASCII texts. */
export interface KeyPrefixes {
  readonly live: string
  readonly test: string
}

export interface MintedKey {
  /** The whole text. Its owner sees it once; it is kept nowhere. */
  readonly key: string
  /** Hex SHA-256 of the whole text: what is kept. */
  readonly hash: string
  /** Prefix, an ellipsis and the last four characters, for lists. */
  readonly display: string
}

interface ParsedKey {
  readonly mode: KeyMode
  /** Absent for a legacy key, whose text does not say where it lives. */
  readonly shard?: number
  readonly legacy: boolean
}

const shardDigits = 2
const randomDigits = 32
export const checksumDigits = 6
const bodyLength = shardDigits + randomDigits + checksumDigits
const legacyBodyLength = 32

/** The highest shard that two base62 digits can name. */
export const maxShard = 62 ** shardDigits - 1

/**
 * Makes a new key for an account of `shard` (0 to `maxShard`).
 * @throws RangeError when the shard cannot be written with two digits
 */
export function mintKey({
  prefixes,
  mode,
  shard,
  random,
}: {
  readonly prefixes: KeyPrefixes
  readonly mode: KeyMode
  readonly shard: number
  readonly random: Random
}): MintedKey {
  if (!Number.isInteger(shard) || shard < 0 || shard > maxShard) {
    throw new RangeError(`shard: expected an integer from 0 to ${maxShard}, got ${shard}`)
  }
  const prefix = prefixes[mode]
  const body = encodeBase62(BigInt(shard), shardDigits) + randomBase62(randomDigits, random)
  const key = withChecksum(prefix + body)
  return { key, hash: hashKey(key), display: displayKey(key, prefix) }
}

/**
 * What the text itself says about a key, or undefined when no such key can have been issued. It is cheap
 * for text of any length: the length is compared first and nothing is searched.
 */
export function parseKey(
  text: string,
  prefixes: KeyPrefixes,
  legacyKeys: boolean,
): ParsedKey | undefined {
  const parsed = parseMinted(text, 'live', prefixes) ?? parseMinted(text, 'test', prefixes)
  if (parsed !== undefined || !legacyKeys) return parsed
  return parseLegacy(text, 'live', prefixes) ?? parseLegacy(text, 'test', prefixes)
}

/** A text, and the checksum of it. */
export function withChecksum(text: string): string {
  return text + encodeBase62(BigInt(Bun.hash.crc32(text)), checksumDigits)
}

/** Whether a text ends with the checksum of what stands before it. */
export function hasChecksum(text: string): boolean {
  const end = text.length - checksumDigits
  return readBase62(text, end, checksumDigits) === Bun.hash.crc32(text.slice(0, end))
}

/** Hex SHA-256 of the whole text of a key, legacy or not. */
export function hashKey(text: string): string {
  return Bun.SHA256.hash(text, 'hex')
}

/** Prefix, an ellipsis and the last four characters. */
export function displayKey(key: string, prefix: string): string {
  return `${prefix}…${key.slice(-4)}`
}

function parseMinted(text: string, mode: KeyMode, prefixes: KeyPrefixes): ParsedKey | undefined {
  const start = prefixes[mode].length
  if (text.length !== start + bodyLength || !text.startsWith(prefixes[mode])) return undefined
  const shard = readBase62(text, start, shardDigits)
  const random = readBase62(text, start + shardDigits, randomDigits)
  if (Number.isNaN(shard) || Number.isNaN(random)) return undefined
  if (!hasChecksum(text)) return undefined
  return { mode, shard, legacy: false }
}

function parseLegacy(text: string, mode: KeyMode, prefixes: KeyPrefixes): ParsedKey | undefined {
  const start = prefixes[mode].length
  if (text.length !== start + legacyBodyLength || !text.startsWith(prefixes[mode])) return undefined
  for (let index = start; index < text.length; index++) {
    if (!isBase64url(text, index)) return undefined
  }
  return { mode, legacy: true }
}

function isBase64url(text: string, index: number): boolean {
  const character = text.charAt(index)
  return character === '-' || character === '_' || !Number.isNaN(readBase62(text, index, 1))
}
