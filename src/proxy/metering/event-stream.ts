/**
 * Server-sent events (the HTML standard, "Parsing an event stream"), as far as a relay needs them. It needs to know where
 * an event ends, so that it sends only whole ones, byte for byte, and what an event's data is, so that it can count them.
 * An event ends with an empty line. A line ends with CR, LF or CRLF, wherever the pieces that arrive are cut.
 */

interface EventSplitter {
  /** The events that this piece completes, their empty line included. */
  push(piece: Uint8Array): Uint8Array[]
  /** What came after the last whole event. */
  rest(): Uint8Array
}

/** @param maxBytes of an event: a longer one is an error, because it waits in memory until it ends */
export function eventSplitter(maxBytes: number): EventSplitter {
  let begun: Uint8Array[] = []
  let begunBytes = 0
  let lineIsEmpty = true
  let eventIsEmpty = true
  let afterReturn = false

  function push(piece: Uint8Array): Uint8Array[] {
    const events: Uint8Array[] = []
    let start = 0
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]
      const endsReturn = byte === lineFeed && afterReturn
      afterReturn = byte === carriageReturn
      if (endsReturn) continue
      if (byte !== lineFeed && byte !== carriageReturn) {
        lineIsEmpty = false
        eventIsEmpty = false
        continue
      }
      if (lineIsEmpty && !eventIsEmpty) {
        // The LF of a CRLF belongs to the event if it is in this piece. Else it is skipped at the next one's start.
        if (afterReturn && piece[at + 1] === lineFeed) at++
        begun.push(piece.subarray(start, at + 1))
        events.push(rest())
        start = at + 1
        eventIsEmpty = true
        afterReturn = piece[at] === carriageReturn
      }
      lineIsEmpty = true
    }
    keep(piece.subarray(start))
    return events
  }

  function keep(piece: Uint8Array): void {
    if (piece.length === 0) return
    begun.push(piece)
    begunBytes += piece.length
    if (begunBytes > maxBytes) throw new Error(`an event of more than ${maxBytes} bytes`)
  }

  function rest(): Uint8Array {
    const event = begun.length === 1 ? (begun[0] as Uint8Array) : Buffer.concat(begun)
    begun = []
    begunBytes = 0
    return event
  }

  return { push, rest }
}

/** Whether a response comes event by event. */
export function isEventStream({ headers }: Response): boolean {
  return /^text\/event-stream\s*(;|$)/i.test(headers.get('content-type')?.trim() ?? '')
}

/** The data of a whole event: its `data` lines, joined. undefined where it has none, like a comment. */
export function dataOf(event: Uint8Array): string | undefined {
  const lines: string[] = []
  for (const line of new TextDecoder().decode(event).split(/\r\n|\r|\n/)) {
    if (line === 'data') lines.push('')
    else if (line.startsWith('data:')) lines.push(line.slice(line[5] === ' ' ? 6 : 5))
  }
  return lines.length === 0 ? undefined : lines.join('\n')
}

/** The name of a whole event: that of its last `event` line. undefined where it has none. */
export function nameOf(event: Uint8Array): string | undefined {
  let name: string | undefined
  for (const line of new TextDecoder().decode(event).split(/\r\n|\r|\n/)) {
    if (line.startsWith('event:')) name = line.slice(line[6] === ' ' ? 7 : 6)
  }
  return name
}

/** An event of this name and data. */
export function printEvent(name: string, data: unknown): Uint8Array {
  return new TextEncoder().encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
