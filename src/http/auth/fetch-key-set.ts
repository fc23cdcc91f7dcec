// Fetches the key set (JWKS, RFC 7517) of an identity provider. A provider that is slow, large or lost costs a
// bounded time and a bounded memory.

import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'

const timeoutMs = 5_000
const maxBytes = 512 * 1_024
/** A token that names no key is tried with all that fit. */
const maxKeys = 50

export interface KeySet {
  /** Finds the key of a token, for jose. */
  readonly find: JWTVerifyGetKey
  readonly size: number
}

/** @throws Error when there is no key set at the address, or none of a usual size */
export async function fetchKeySet(url: string): Promise<KeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the response has status ${response.status}`)
  }
  const json = JSON.parse(await readText(response)) as JSONWebKeySet
  const find = createLocalJWKSet(json)
  const size = json.keys.length
  if (size > maxKeys) throw new Error(`there are ${size} keys, more than ${maxKeys}`)
  return { find, size }
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const piece of body ?? []) {
    bytes += piece.length
    if (bytes > maxBytes) throw new Error(`the response is larger than ${maxBytes} bytes`)
    text += decoder.decode(piece, { stream: true })
  }
  return text + decoder.decode()
}
