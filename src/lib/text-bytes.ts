/** How much text there is in JSON. */

/** The bytes, in UTF-8, of all texts in a value, however deep; names of members are no texts of it. */
export function textBytes(value: unknown): number {
  let bytes = 0
  // Not a recursion: whoever wrote the JSON chose how deep it is.
  const left: unknown[] = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next === 'string') bytes += Buffer.byteLength(next)
    else if (typeof next === 'object' && next !== null) {
      for (const part of Object.values(next)) left.push(part)
    }
  }
  return bytes
}
