/** The bytes are no lines of text: one of them is too long, is not UTF-8, or has no end. */
export class LineFault extends Error {
  override readonly name = 'LineFault'
  readonly fault: 'too_long' | 'not_utf8' | 'cut_off'

  constructor(fault: LineFault['fault']) {
    super(`a line is ${fault}`)
    this.fault = fault
  }
}

const lineFeed = 10

/**
 * The lines of a stream of bytes, each without the line feed that ends it; nothing else ends a line. So lines that are equal as
 * texts were equal as bytes.
 * @throws LineFault
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let begun: Uint8Array[] = []
  let begunBytes = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      const rest = chunk.subarray(from, at)
      if (begunBytes + rest.length > maxLineBytes) throw new LineFault('too_long')
      yield decoded(decoder, begunBytes === 0 ? rest : Buffer.concat([...begun, rest]))
      begun = []
      begunBytes = 0
      from = at + 1
    }
    if (from === chunk.length) continue
    begun.push(chunk.subarray(from))
    begunBytes += chunk.length - from
    if (begunBytes > maxLineBytes) throw new LineFault('too_long')
  }
  if (begunBytes > 0) throw new LineFault('cut_off')
}

function decoded(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new LineFault('not_utf8')
  }
}
