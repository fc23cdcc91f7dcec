// Base62 (digits, then upper case, then lower case) is the text form of everything random or hashed that
// people copy. It needs no escaping in a URL, a header or a shell. A double click selects all of it, which
// the '-' of base64url prevents.

export const base62Digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** NaN stands for "not a digit": the arithmetic of `readBase62` keeps it. */
const valueByCode = new Float64Array(128).fill(Number.NaN)
for (let value = 0; value < 62; value++) valueByCode[base62Digits.charCodeAt(value)] = value

/** Writes a non-negative number with at least `length` digits, padded with zeros on the left. */
export function encodeBase62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; rest > 0n; rest /= 62n)
    text = base62Digits.charAt(Number(rest % 62n)) + text
  return text.padStart(length, '0')
}

/**
 * The value of the `length` digits from index `start`, or NaN when one of them is not a digit. A value above
 * 2^53 is not exact, so more than eight digits can be checked but not read.
 */
export function readBase62(text: string, start: number, length: number): number {
  let value = 0
  for (let index = start; index < start + length; index++) {
    value = value * 62 + (valueByCode[text.charCodeAt(index)] ?? Number.NaN)
  }
  return value
}

/** Random bytes, as many as asked for: `secureRandom`, or a fixed sequence in a test. */
export type Random = (bytes: number) => Uint8Array

export const secureRandom: Random = (bytes) => crypto.getRandomValues(new Uint8Array(bytes))

/** `length` random digits. Bytes from 248 on are dropped: modulo 62, they would favour the first eight digits. */
export function randomBase62(length: number, random: Random): string {
  let text = ''
  while (text.length < length) {
    for (const byte of random(length - text.length)) {
      if (byte < 248) text += base62Digits.charAt(byte % 62)
    }
  }
  return text
}
