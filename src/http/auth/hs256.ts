// Signs and verifies tokens with a shared secret (HS256). The two functions of Elysia's JWT plugin need no
// running app, so the command line signs with what the gateway verifies with.

import { jwt } from '@elysiajs/jwt'

/** A secret that is shorter than the hash can be guessed offline from one token (RFC 7518, 3.2). */
const minSecretBytes = 32

/** @throws Error when the secret is too short, or is a public key and so no secret at all */
export function openHs256(secret: string) {
  const bytes = Buffer.byteLength(secret)
  if (bytes < minSecretBytes) {
    throw new Error(`JWT_SECRET: expected at least ${minSecretBytes} bytes, got ${bytes}`)
  }
  if (secret.startsWith('-----BEGIN')) {
    throw new Error('JWT_SECRET: expected a secret, got a PEM key; for public keys set JWKS_URL')
  }
  return jwt({ name: 'hs256', alg: 'HS256', secret }).decorator.hs256
}
