// A small identity provider on a free port: a real JWKS over HTTP, whose keys can be rotated and whose
// server can fail, hang or come back. Its tokens are made by jose.

import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export type Outage = 'none' | 'error' | 'garbage' | 'hang'

export interface IdentityProvider extends AsyncDisposable {
  readonly url: string
  /** How often the keys were asked for. */
  readonly fetches: () => number
  readonly setOutage: (outage: Outage) => void
  /** Replaces the published keys by one new one and signs with that from now on. */
  readonly rotate: (algorithm?: string) => Promise<void>
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

  async function newKey(algorithm: string) {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
    const id = `key-${++generation}`
    const jwk = { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' }
    return { id, algorithm, privateKey, jwk }
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => {
      fetches++
      if (outage === 'error') return new Response('away', { status: 503 })
      if (outage === 'garbage') return new Response('<html>maintenance</html>')
      if (outage === 'hang') return new Promise<Response>(() => {})
      return Response.json({ keys: [current.jwk] })
    },
  })

  return {
    url: new URL('/jwks.json', server.url).href,
    fetches: () => fetches,
    setOutage(next) {
      outage = next
    },
    async rotate(algorithm = current.algorithm) {
      current = await newKey(algorithm)
    },
    sign: (claims, { keyId = current.id, expires = true } = {}) =>
      new SignJWT({ ...(expires && { exp: Math.floor(Date.now() / 1000) + 300 }), ...claims })
        .setProtectedHeader({ alg: current.algorithm, kid: keyId })
        .sign(current.privateKey),
    publicKeys: () => [current.jwk],
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
