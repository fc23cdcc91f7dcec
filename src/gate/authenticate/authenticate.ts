/** Finds the API key in a request. Nothing is looked up: a key's own checksum finds typos and scans. */
import type { Outcome } from '../outcome.ts'
import { hashKey, type KeyPrefixes, parseKey } from './key-format.ts'

export interface KeyFormat {
  readonly prefixes: KeyPrefixes
  /** Whether keys of the replaced service are accepted. */
  readonly legacyKeys: boolean
}

/** The SHA-256 of the key's text, by which everything else knows the key. */
export function authenticate(
  request: Request,
  { prefixes, legacyKeys }: KeyFormat,
): Outcome<{ readonly keyHash: string }> {
  const text = keyText(request)
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

/** The key's text: X-API-Key, or the bearer token. */
function keyText(request: Request): string | undefined {
  const header = request.headers.get('x-api-key')
  if (header) return header
  const authorization = request.headers.get('authorization')
  if (authorization?.slice(0, 7).toLowerCase() !== 'bearer ') return undefined
  return authorization.slice(7).trim() || undefined
}
