/**
 * Server-sent events (the HTML standard, "Parsing an event stream"), as far as a relay needs them: where an
 * event ends, so that only whole ones are sent on, byte for byte, and what its data is, so that it can be
 * counted. An event ends with an empty line; a line ends with CR, LF or CRLF, wherever the pieces that
 * arrive are cut.
 */

export interface EventSplitter {
  /** The events that are whole with this piece, their empty line included. */
  push(piece: Uint8Array): Uint8Array[]
  /** What came after the last whole event. */
  rest(): Uint8Array
}

/** @param mostBytes an event may have; a longer one is an error, since it waits in memory until it ends */
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
        // Of a CRLF the feed goes along where it is here already; else it begins the next event, unseen.
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

/** The data of a whole event: its `data` lines, joined; undefined where it has none, as a comment. */
export function dataOf(event: Uint8Array): string | undefined {
  const lines: string[] = []
  for (const line of new TextDecoder().decode(event).split(/\r\n|\r|\n/)) {
    if (line === 'data') lines.push('')
    else if (line.startsWith('data:')) lines.push(line.slice(line[5] === ' ' ? 6 : 5))
  }
  return lines.length === 0 ? undefined : lines.join('\n')
}

/** An event of this name and data. */
export function printEvent(name: string, data: unknown): Uint8Array {
  return new TextEncoder().encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
