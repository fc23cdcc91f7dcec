/** Finds the API key in a request. Nothing is looked up: a key's own checksum finds typos and scans. */
import type { Outcome } from '../outcome.ts'
import { hashKey, type KeyPrefixes, parseKey } from './key-format.ts'

export interface KeyFormat {
  readonly prefixes: KeyPrefixes
  /** Whether keys of the replaced service are accepted. */
  readonly legacyKeys: boolean
  /** Headers that may carry the key, beside the usual ones. */
  readonly keyHeaders: readonly string[]
}

/** The SHA-256 of the key's text, by which everything else knows the key. */
export function authenticate(
  request: Request,
  { prefixes, legacyKeys, keyHeaders }: KeyFormat,
): Outcome<{ readonly keyHash: string }> {
  const text = keyText(request, keyHeaders)
  if (text === undefined) {
    return {
      ok: false,
      refusal: {
        code: 'missing_key',
        detail: 'Send your API key in the X-API-Key header or as "Authorization: Bearer <key>".',
      },
    }
  }
  if (!parseKey(text, prefixes, legacyKeys)) {
    return {
      ok: false,
      refusal: {
        code: 'malformed_key',
        detail: 'This is not an API key of this gateway: check for missing or changed characters.',
      },
    }
  }
  return { ok: true, keyHash: hashKey(text) }
}

/** The key's text: X-API-Key, the bearer token, or one of the headers of the configuration. */
function keyText({ headers }: Request, keyHeaders: readonly string[]): string | undefined {
  const header = headers.get('x-api-key')
  if (header) return header
  const authorization = headers.get('authorization')
  const isBearer = authorization?.slice(0, 7).toLowerCase() === 'bearer '
  const token = isBearer ? authorization?.slice(7).trim() : undefined
  if (token) return token
  for (const name of keyHeaders) {
    const text = headers.get(name)
    if (text) return text
  }
  return undefined
}
