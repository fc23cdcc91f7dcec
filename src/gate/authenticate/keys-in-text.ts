/** Finds what has the shape of a key in any text: a log, a commit, a mail. */
import { hashKey, type KeyPrefixes, parseKey } from './key-format.ts'

/** After the prefix: shard, random part and checksum. No key is longer. */
const maxBodyLength = 40
const legacyBodyLength = 32

/**
 * The SHA-256 of every key-shaped string, legacy ones included, in the order in which they stand. The
 * texts themselves do not leave this function.
 */
export function keyHashesIn(text: string, prefixes: KeyPrefixes): string[] {
  const found: string[] = []
  for (const prefix of [prefixes.live, prefixes.test]) {
    for (let at = text.indexOf(prefix); at >= 0; at = text.indexOf(prefix, at + 1)) {
      const body = at + prefix.length
      // A key with a checksum begins like a legacy key, so the longer shape is tried first.
      const candidates = [maxBodyLength, legacyBodyLength].map((length) =>
        text.slice(at, body + length),
      )
      const key = candidates.find((candidate) => parseKey(candidate, prefixes, true))
      if (key !== undefined) found.push(hashKey(key))
    }
  }
  return found
}
