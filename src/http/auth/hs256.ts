// Tokens signed with a shared secret (HS256), by way of Elysia's JWT plugin. Its two functions do not
// need a running app, so the command line signs with exactly what the gateway verifies with.

import { jwt } from '@elysiajs/jwt'

/** HS256 with a secret shorter than its hash can be guessed offline from one token (RFC 7518, 3.2). */
const minimumSecretBytes = 32

/** @throws Error when the secret is too short, or is a public key and so no secret at all */
export function openHs256(secret: string) {
  const bytes = Buffer.byteLength(secret)
  if (bytes < minimumSecretBytes) {
    throw new Error(`JWT_SECRET: expected at least ${minimumSecretBytes} bytes, got ${bytes}`)
  }
  if (secret.startsWith('-----BEGIN')) {
    throw new Error('JWT_SECRET: expected a secret, got a PEM key; for public keys set JWKS_URL')
  }
  return jwt({ name: 'hs256', alg: 'HS256', secret }).decorator.hs256
}
