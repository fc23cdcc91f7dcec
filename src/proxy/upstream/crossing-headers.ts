/**
 * Which headers cross to an upstream, and what the gateway adds; config/header-names.ts has the kinds that do not cross.
 * Connection-level headers end here, with those that Connection names, and no client can set what the gateway sets.
 */
import {
  type IdentityField,
  type IdentityHeaders,
  isConditional,
  isNeverFromClients,
  plainHeaderName,
} from '../../config/header-names.ts'
import type { Credentials } from '../../config/upstream-credentials.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'

/** What an upstream is sent beside what clients send. */
interface ServiceHeaders {
  readonly credentials: Credentials
  readonly identity: IdentityHeaders
  /** The only headers that cross from clients. Absent: all but those that never do. */
  readonly requestHeaders?: readonly string[]
  /** Headers in which clients may show their key. */
  readonly keyHeaders: readonly string[]
}

/** What a request's headers are made of, beside the client's. */
interface SentCall {
  readonly requestId: string
  readonly key: KeyRecord
  readonly contentType?: string
  /** The body is not the client's own any more. */
  readonly isRewritten?: boolean
  /** Of a body that is streamed: without it, it would be sent in chunks. */
  readonly contentLength?: number
  /** The gateway reads the response, so it must not come compressed. */
  readonly isRead: boolean
  /** The client may ask for a part, or only for what has changed. */
  readonly isConditional: boolean
  /** No other request follows on its connection. */
  readonly isLast?: boolean
}

/** Makes the headers of the requests to one upstream. */
export class RequestHeaders {
  /** What is the same in all requests. */
  readonly #own = new Headers()
  readonly #identity: IdentityHeaders
  readonly #ends: NameTest
  readonly #endsWhereConditional: NameTest

  constructor({ credentials, identity, requestHeaders, keyHeaders }: ServiceHeaders) {
    for (const [name, secret] of credentials.headers) this.#own.set(name, secret.reveal())
    this.#identity = identity
    const own = [...credentials.headers, ...identity].map(([name]) => name)
    const set = new Set([...own, ...keyHeaders].map(plainHeaderName))
    const only = requestHeaders && new Set(requestHeaders.map(plainHeaderName))
    const never = (name: string) => isNeverFromClients(name) || set.has(name)
    const ends = (name: string) => never(name) || (only !== undefined && !only.has(name))
    this.#ends = knownNames((name) => ends(name) || isConditional(name))
    this.#endsWhereConditional = knownNames((name) =>
      isConditional(name) ? never(name) : ends(name),
    )
  }

  /** The service's own headers and who calls; the client's, less what ends here; and the call's id. */
  of(clients: Headers, call: SentCall): Headers {
    const headers = new Headers(this.#own)
    for (const [name, field] of this.#identity) headers.set(name, identityText(call.key, field))
    addCrossing(headers, clients, call.isConditional ? this.#endsWhereConditional : this.#ends)
    headers.set('x-request-id', call.requestId)
    if (call.contentType !== undefined) headers.set('content-type', call.contentType)
    if (call.contentLength !== undefined) {
      headers.set('content-length', String(call.contentLength))
    }
    if (call.isRewritten) for (const name of digestNames) headers.delete(name)
    // The upstream closes it then. Whoever closes a connection cannot use its port again for a minute.
    if (call.isLast) headers.set('connection', 'close')
    // A response that is only passed on may come compressed.
    if (call.isRead) headers.set('accept-encoding', 'identity')
    return headers
  }
}

/** What clients say of the bytes that they sent, by which an upstream would refuse others. */
const digestNames = ['content-digest', 'content-md5', 'digest', 'repr-digest']

/**
 * Ids as a header carries them: what is no plain character, or what a reader could take for the end of one of several
 * values, is percent-encoded as in a URL, and so is the percent sign. No two ids look the same.
 */
function identityText(key: KeyRecord, field: IdentityField): string {
  const text = identityOf(key, field)
  return isPlain.test(text) ? text : encodeURIComponent(text)
}

const isPlain = /^[A-Za-z0-9_.~|@:+=/!*'()-]+$/

function identityOf({ accountId, ownerId, keyId, plan }: KeyRecord, field: IdentityField): string {
  switch (field) {
    case 'account':
      return accountId
    case 'owner':
      return ownerId
    case 'key':
      return keyId
    case 'plan':
      return plan
    default:
      return field satisfies never
  }
}

type NameTest = (name: string) => boolean

/** Adds the headers that do not end here, less those that Connection names. Most of a client's end here. */
function addCrossing(to: Headers, from: Headers, ends: NameTest): void {
  const named = namedByConnection(from)
  for (const name of from.keys()) {
    if (!ends(name) && !named?.has(name)) to.set(name, from.get(name) as string)
  }
}

/** The headers less those that end here, and those that Connection names. Most of an upstream's cross. */
export function crossing(headers: Headers, ends: NameTest): Headers {
  const named = namedByConnection(headers)
  const result = new Headers(headers)
  for (const name of headers.keys()) {
    if (ends(name) || named?.has(name)) result.delete(name)
  }
  return result
}

function namedByConnection(headers: Headers): ReadonlySet<string> | undefined {
  const connection = headers.get('connection')
  if (connection === null) return undefined
  return new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
}

/** Names that are known of each side. Calls bring the same ones again and again, except hostile ones. */
const maxKnownNames = 200

/** The same test, with what it decided kept. @param test of a plain name */
export function knownNames(test: NameTest): NameTest {
  const decisions = new Map<string, boolean>()
  return (name) => {
    const decided = decisions.get(name)
    if (decided !== undefined) return decided
    const result = test(plainHeaderName(name))
    if (decisions.size < maxKnownNames) decisions.set(name, result)
    return result
  }
}
