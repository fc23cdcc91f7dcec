// A small identity provider on a free port: a real JWKS over HTTP, whose keys can be rotated and whose
// server can fail, hang or come back. Its tokens are made by jose.

import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export const outages = [
  ...(['error', 'garbage', 'hang', 'drip', 'endless', 'too-many-keys', 'redirect'] as const),
]
export type Outage = 'none' | (typeof outages)[number]

export interface IdentityProvider extends AsyncDisposable {
  readonly url: string
  /** How often the keys were asked for. */
  readonly fetches: () => number
  readonly setOutage: (outage: Outage) => void
  /** Replaces the published keys by one new one and signs with that from now on. It may have the id of the key before. */
  readonly rotate: (algorithm?: string, how?: { readonly keepId?: boolean }) => Promise<void>
  /** Publishes one more key, before the others, and signs with that from now on. */
  readonly addKey: () => Promise<void>
  /** Publishes the keys without their ids, as some providers do; tokens then name none. */
  readonly hideIds: () => void
  /** A token with these claims, valid for five minutes unless they or `how` say otherwise. */
  readonly sign: (
    claims: JWTPayload,
    how?: { readonly keyId?: string; readonly expires?: boolean },
  ) => Promise<string>
  /** The published keys, as an attacker can read them too. */
  readonly publicKeys: () => readonly object[]
}

export async function openIdentityProvider(firstAlgorithm = 'RS256'): Promise<IdentityProvider> {
  let fetches = 0
  let outage: Outage = 'none'
  let generation = 0
  let current = await newKey(firstAlgorithm)
  let published = [current]
  let hidesIds = false

  async function newKey(algorithm: string, id = `key-${++generation}`) {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' }
    return { id, algorithm, privateKey, jwk }
  }

  function publicKeys() {
    return published.map(({ jwk: { kid, ...jwk } }) => (hidesIds ? jwk : { ...jwk, kid }))
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => {
      fetches++
      if (outage === 'error') return new Response('away', { status: 503 })
      if (outage === 'garbage') return new Response('<html>maintenance</html>')
      if (outage === 'hang') return new Promise<Response>(() => {})
      if (outage === 'drip') return new Response(bytes(1, 100))
      if (outage === 'endless') return new Response(bytes(65_536, 0))
      if (outage === 'redirect') return Response.redirect('http://127.0.0.1:9/')
      const keys = publicKeys()
      if (outage === 'too-many-keys') return Response.json({ keys: Array(1_000).fill(keys[0]) })
      return Response.json({ keys })
    },
  })

  return {
    url: new URL('/jwks.json', server.url).href,
    fetches: () => fetches,
    setOutage(next) {
      outage = next
    },
    async rotate(algorithm = current.algorithm, { keepId = false } = {}) {
      current = await newKey(algorithm, keepId ? current.id : undefined)
      published = [current]
    },
    async addKey() {
      current = await newKey(current.algorithm)
      published.unshift(current)
    },
    hideIds() {
      hidesIds = true
    },
    sign: (claims, { keyId = current.id, expires = true } = {}) =>
      new SignJWT({ ...(expires && { exp: Math.floor(Date.now() / 1000) + 300 }), ...claims })
        .setProtectedHeader({ alg: current.algorithm, ...(!hidesIds && { kid: keyId }) })
        .sign(current.privateKey),
    publicKeys,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

/** A body that never ends: pieces of this length, each after so many milliseconds. */
function bytes(length: number, everyMs: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(everyMs)
      controller.enqueue(new Uint8Array(length).fill(0x20))
    },
  })
}
