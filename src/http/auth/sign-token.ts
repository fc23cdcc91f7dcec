// Signs the tokens that `tollbook token` and `tollbook up` print. They are for trying things, for operators
// without an identity provider, and for tests.

import { openHs256 } from './hs256.ts'

interface TokenRequest {
  readonly secret: string
  /** The user's id. */
  readonly subject: string
  readonly expiresInSeconds: number
  /** The role as the configuration names it, such as `admin`. Without a role the bearer is an owner. */
  readonly role?: string | undefined
  /** The claim in which the configuration expects it; `role` by default. */
  readonly roleClaim?: string | undefined
  /** The organisation that owns what the bearer creates, and the claim in which the configuration expects it. */
  readonly organisation?: { readonly claim: string; readonly id: string } | undefined
  /** Needed when the gateway is configured to check them. */
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** A signed HS256 token that `openAuth` accepts with the same secret, issuer and audience. */
export function signToken(request: TokenRequest): Promise<string> {
  const { secret, subject, expiresInSeconds, role, roleClaim = 'role' } = request
  const { organisation, issuer, audience } = request
  return openHs256(secret).sign({
    ...(organisation && { [organisation.claim]: organisation.id }),
    ...(role !== undefined && { [roleClaim]: role }),
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
    sub: subject,
    exp: Math.floor(Date.now() / 1000) + expiresInSeconds,
  })
}
