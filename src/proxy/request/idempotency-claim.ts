/**
 * Idempotency-Keys: a client names a call, so that a retry is safe. The ledger keeps the name and what it is bound to
 * (method, target and body, and what part of it is asked for) as hashes under the account's secret. Whoever reads the log learns neither, and when the
 * account is erased they cannot even be guessed.
 */
import { createHmac } from 'node:crypto'
import type { Route } from '../../config/config.ts'
import { isConditional, plainHeaderName } from '../../config/header-names.ts'
import type { Claim } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { CallBody } from './request-body.ts'

/** Hex digits kept of a hash: 128 bits, so no two meet. */
const hashDigits = 32

/** The Idempotency-Key of a call, if it has one; it is read before the body is. */
export function readIdempotencyKey({
  headers,
}: Request): { readonly name: string | null } | { readonly refusal: Refusal } {
  const name = headers.get('idempotency-key')
  return name === null || /^[\x21-\x7e]{1,255}$/.test(name) ? { name } : { refusal: unusable }
}

/**
 * The claim of a call; undefined when it has no Idempotency-Key.
 * @param name its Idempotency-Key
 * @param target the public path and query, as they were made of what was checked
 */
export function claimOf(
  name: string | null,
  request: Request,
  target: string,
  body: CallBody,
  { conditional }: Pick<Route, 'conditional'>,
  apiKey: Pick<KeyRecord, 'accountSecret' | 'keyId'>,
): Claim | undefined {
  if (name === null) return undefined
  const { accountSecret, keyId } = apiKey
  // To ignore the name would charge a retry twice. The gate lets no such account through.
  if (!accountSecret) throw new TypeError(`the account of ${keyId} has no secret`)
  const key = createHmac('sha256', accountSecret).update(`${keyId} ${name}`).digest('hex')
  const conditions = conditional ? conditionsOf(request.headers) : ''
  const bound = createHmac('sha256', accountSecret)
  bound.update(`${request.method} ${target}${conditions}\n`)
  for (const part of partsOf(body)) bound.update(part)
  return {
    key: key.slice(0, hashDigits),
    requestHash: bound.digest('hex').slice(0, hashDigits),
  }
}

/** What decides which part of the response is sent, if any; empty for a call that has no such header. */
function conditionsOf(headers: Headers): string {
  return [...headers]
    .filter(([name]) => isConditional(plainHeaderName(name)))
    .map(([name, value]) => `\0${name}:${value}`)
    .sort()
    .join('')
}

/**
 * The body's bytes, with what of its type matters; for a form without the boundary in its delimiters: programs draw a new one
 * for each try. The form is known to begin with a delimiter, and to have no more than were read. Text in it that would then
 * look like a delimiter is told from one by the lengths of what stands between them.
 */
function* partsOf({ bytes, boundary, type }: CallBody): Generator<Uint8Array | string> {
  if (type !== undefined) yield `${type}\n`
  if (boundary === undefined) return yield bytes
  const pieces = [...withoutBoundary(bytes, boundary)]
  // Each piece but the last ends with the beginning of a delimiter.
  const isAmbiguous = pieces.some((piece, index) => {
    const at = piece.indexOf('\r\n--')
    return at >= 0 && (index === pieces.length - 1 || at < piece.length - 4)
  })
  if (isAmbiguous) yield `${pieces.map(({ length }) => length).join()}\n`
  yield* pieces
}

function* withoutBoundary(bytes: Uint8Array, boundary: string): Generator<Buffer> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const delimiter = `\r\n--${boundary}`
  let from = 0
  for (let at = -2; ; at = buffer.indexOf(delimiter, from)) {
    if (at === -1) return yield buffer.subarray(from)
    const before = at + delimiter.length - boundary.length
    yield buffer.subarray(from, before)
    from = before + boundary.length
  }
}

const unusable: Refusal = {
  code: 'invalid_request',
  detail: 'An Idempotency-Key has 1 to 255 visible ASCII characters.',
  extensions: {
    errors: [{ pointer: '', detail: 'Idempotency-Key: 1 to 255 visible ASCII characters' }],
  },
}
