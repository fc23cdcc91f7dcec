/**
 * Follows PostgreSQL's messages on one connection: whether the server owes a reply, and the codes of its errors. The client
 * library says neither, and it has no deadline for a server that falls silent.
 *
 * The reply to each Sync and to each simple query ends with one ReadyForQuery. The reply to a Flush is less: a description, or
 * some rows and the word that there are more.
 */

const messageHeaderBytes = 5
const type = {
  sync: letter('S'),
  simpleQuery: letter('Q'),
  flush: letter('H'),
  readyForQuery: letter('Z'),
  error: letter('E'),
}
/** Row description, no data, portal suspended, command complete. */
const flushReplies = new Set(['T', 'n', 's', 'C'].map(letter))

export class DueReplies {
  /** Called with the code of each error. */
  private readonly onError: (code: string) => void
  private syncs = 0
  private isFlushDue = false
  private isStarted = false
  private readonly header = Buffer.alloc(messageHeaderBytes)
  private headerBytes = 0
  private bodyBytes = 0
  private errorBody: Buffer[] | undefined
  /** The server has let the client in. */
  isReady = false

  constructor(onError: (code: string) => void) {
    this.onError = onError
  }

  /** Whether the server has something to say before it may fall silent. */
  get isDue(): boolean {
    return this.syncs > 0 || this.isFlushDue
  }

  /** @param messages whole, as the client library writes them; the first has no type */
  sent(messages: Uint8Array): void {
    if (!this.isStarted) {
      this.isStarted = true
      return
    }
    for (
      let at = 0;
      at + messageHeaderBytes <= messages.length;
      at += 1 + lengthAt(messages, at + 1)
    ) {
      const sentType = messages[at]
      if (sentType === type.sync || sentType === type.simpleQuery) this.syncs++
      if (sentType === type.flush) this.isFlushDue = true
    }
  }

  /** @param bytes as they arrive: they can begin and end within a message */
  received(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.headerBytes < messageHeaderBytes) {
        this.header[this.headerBytes++] = bytes[at++] as number
        if (this.headerBytes < messageHeaderBytes) continue
        this.bodyBytes = this.header.readUInt32BE(1) - 4
        this.errorBody = this.header[0] === type.error ? [] : undefined
      }
      const end = Math.min(at + this.bodyBytes, bytes.length)
      this.errorBody?.push(bytes.subarray(at, end))
      this.bodyBytes -= end - at
      at = end
      if (this.bodyBytes === 0) this.endMessage()
    }
  }

  private endMessage(): void {
    const receivedType = this.header[0] as number
    this.headerBytes = 0
    if (receivedType === type.readyForQuery) {
      if (this.isReady) this.syncs = Math.max(this.syncs - 1, 0)
      this.isReady = true
      this.isFlushDue = false
    } else if (flushReplies.has(receivedType)) {
      this.isFlushDue = false
    } else if (receivedType === type.error) {
      this.isFlushDue = false
      this.onError(codeOf(Buffer.concat(this.errorBody ?? [])))
    }
  }
}

/** Four bytes, the highest first. A DataView would cost a small message more than all that is read of it. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}

/** Fields, each a letter and a text that ends with a zero; the letter C names the code. */
function codeOf(body: Buffer): string {
  const fields = body.toString('utf8').split('\0')
  return fields.find((field) => field.startsWith('C'))?.slice(1) ?? ''
}

function letter(text: string): number {
  return text.charCodeAt(0)
}
