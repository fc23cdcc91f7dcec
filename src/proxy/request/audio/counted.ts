/** What is found of how long a file's sound lasts, by what is in it. */
export interface Counted {
  /** What kind of file it is. */
  readonly container: string
  /** Greater than 0; absent where the sound cannot be counted. */
  readonly seconds?: number
  /** What the header of such a file says. */
  readonly claimedSeconds?: number
}

/** Seconds that are counted, where they are any. */
export function countedAs(container: string, seconds: number | undefined): Counted {
  const isCounted = seconds !== undefined && Number.isFinite(seconds) && seconds > 0
  return { container, ...(isCounted && { seconds }) }
}

/** Seconds that only a header says. */
export function claimedAs(container: string, seconds: number | undefined): Counted {
  const isSaid = seconds !== undefined && Number.isFinite(seconds) && seconds > 0
  return { container, ...(isSaid && { claimedSeconds: seconds }) }
}

/** Encoders fill their last frame up, and headers say by how much: so much of what is counted need not be sound. */
const maxPaddingSeconds = 0.25

/** The counted seconds without the padding; a header that says less than that is not believed. */
export function withoutPadding(counted: number, said: number): number {
  return said > 0 && said < counted && counted - said <= maxPaddingSeconds ? said : counted
}

/** However many there are; 0 for none. */
export function longest(seconds: Iterable<number>): number {
  let most = 0
  for (const one of seconds) most = Math.max(most, one)
  return most
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Bytes as Latin-1; fewer where the file ends. */
export function textAt(bytes: Uint8Array, at: number, length: number): string {
  let text = ''
  const end = Math.min(at + length, bytes.length)
  for (let index = at; index < end; index++) text += String.fromCharCode(bytes[index] as number)
  return text
}
