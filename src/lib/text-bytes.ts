/** How much text there is in JSON. */

/**
 * The bytes, in UTF-8, of all texts in a value, however deep. Names of members are no texts of it.
 * @param except members that are left out, by their names
 */
export function textBytes(value: unknown, except: ReadonlySet<string> = none): number {
  let bytes = 0
  // Not a recursion: whoever wrote the JSON chose how deep it is.
  const left: unknown[] = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next === 'string') bytes += Buffer.byteLength(next)
    else if (typeof next === 'object' && next !== null) {
      for (const [name, part] of Object.entries(next)) if (!except.has(name)) left.push(part)
    }
  }
  return bytes
}

const none: ReadonlySet<string> = new Set()
