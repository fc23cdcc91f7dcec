// Authenticates owners and operators by a bearer token (JWT). The token is signed with a shared secret (HS256),
// or by an identity provider that publishes its public keys at a JWKS URL.
//
// The token's algorithm decides which of the two verifies it, and each accepts its own algorithms only. So a
// token can never choose how a key is used (a public key as an HMAC secret, `alg: none`). Whatever is wrong with
// a token, the result is the same: no principal; the operator alone learns why (token-fault.ts). Only where nobody can
// tell what it is worth, that is another result.

import { decodeProtectedHeader, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { accountIdOf, type Owner } from '../../lib/ids.ts'
import { claimAt } from './claim-at.ts'
import { openSecrets } from './hs256.ts'
import { openJwks, SigningKeysUnavailable } from './jwks.ts'
import { printed, TokenRefused, tokenFault } from './token-fault.ts'

/**
 * An owner manages what is theirs, and a reader reads it. Of the operators, an admin may change everything, support little, and an
 * auditor reads everything.
 */
type PrincipalRole = 'owner' | 'reader' | 'support' | 'admin' | 'auditor'

export interface Principal {
  /** The user: the token's `sub`. Of an operator key its id. */
  readonly subject: string
  /** The organisation the user acts for, when the token names one. */
  readonly organisation?: string
  readonly role: PrincipalRole
  /** Of an operator whose token names the role of readers, too: of what is his own he changes nothing. */
  readonly onlyReadsOwn?: true
  /** A program with an operator key: it is an operator of its role, and owns nothing. */
  readonly isOperatorKey?: true
  /** Of a browser that is signed in: when it was, by the ledger's clock. */
  readonly signedInAt?: Date
}

/** How claims say who somebody is, and what he may do. */
export interface RoleOptions {
  /** Subjects that are admins whatever role their token has. */
  readonly adminUserIds: readonly string[]
  /** The role names that make an admin, an auditor, and so on. */
  readonly adminRole: string
  readonly auditorRole: string
  /** Absent: nobody is support. */
  readonly supportRole?: string | undefined
  readonly readerRole: string
  /**
   * Where a token has its roles, as `claimAt` takes it: a list, or a text of names between spaces. Without it: the claim
   * `role` (one name) or `roles` (a list).
   */
  readonly roleClaim?: string | undefined
  /** Where it names the organisation. */
  readonly organisationClaim: string
}

export interface AuthOptions extends RoleOptions {
  /** Without a secret and a URL nobody can sign in; with both, both kinds of token are accepted. */
  readonly jwtSecret?: string | undefined
  /** A second secret whose tokens are accepted. */
  readonly jwtOtherSecret?: string | undefined
  readonly jwksUrl?: string | undefined
  /** The issuer and audience that a token must name, if given. */
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** How far the clock of the issuer may differ; 30 seconds unless given. */
  readonly clockToleranceSeconds?: number | undefined
  /** Called when the signing keys cannot be fetched. */
  readonly warn?: ((message: string) => void) | undefined
  /** Called with the reason when a token is not accepted. */
  readonly refused?: ((reason: string) => void) | undefined
  /** A monotonic clock, for the age of the signing keys. */
  readonly nowMs?: (() => number) | undefined
}

export interface Auth {
  /**
   * The principal of an Authorization header, or undefined for anything but a valid token.
   *
   * @throws SigningKeysUnavailable when the identity provider cannot be asked
   */
  readonly authenticate: (
    authorization: string | null | undefined,
  ) => Promise<Principal | undefined>
  /**
   * The principal of a token, or why it is not accepted. The reason is for operators, and does not repeat the token.
   *
   * @throws SigningKeysUnavailable when the identity provider cannot be asked
   */
  readonly examine: (token: string) => Promise<Principal | { readonly fault: string }>
}

const jwksAlgorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519']

/** @throws Error when a secret is unfit (see `openHs256`) or the URL is not valid */
export function openAuth(options: AuthOptions): Auth {
  const { jwtSecret, jwtOtherSecret } = options
  const verifyHs256 =
    jwtSecret === undefined
      ? undefined
      : openSecrets([
          { secret: jwtSecret, variable: 'JWT_SECRET' },
          ...(jwtOtherSecret === undefined
            ? []
            : [{ secret: jwtOtherSecret, variable: 'JWT_OTHER_SECRET' }]),
        ])
  const jwks =
    options.jwksUrl === undefined
      ? undefined
      : openJwks({
          url: options.jwksUrl,
          nowMs: options.nowMs ?? (() => performance.now()),
          warn: options.warn ?? (() => {}),
        })
  const checks = checksOf(options)

  return {
    async authenticate(authorization) {
      const token = bearerToken(authorization)
      if (token === undefined) return undefined
      const examined = await examine(token)
      if (!('fault' in examined)) return examined
      options.refused?.(examined.fault)
      return undefined
    },
    examine,
  }

  async function examine(token: string): Promise<Principal | { readonly fault: string }> {
    try {
      return principalOf(await verify(token), options)
    } catch (error) {
      if (error instanceof SigningKeysUnavailable) throw error
      return { fault: tokenFault(error, token, { ...checks, algorithms: jwksAlgorithms }) }
    }
  }

  /** @throws SigningKeysUnavailable, TokenRefused, or an error of jose's when the token is not valid */
  async function verify(token: string): Promise<JWTPayload> {
    const { alg } = decodeProtectedHeader(token)
    if (alg === 'HS256') {
      if (!verifyHs256) throw new TokenRefused('alg "HS256": JWT_SECRET is not set')
      return verifyHs256(token, { ...checks, algorithms: ['HS256'] })
    }
    if (!jwks)
      throw new TokenRefused(`alg ${printed(alg)}: expected "HS256", as JWKS_URL is not set`)
    return jwks.verify(token, { ...checks, algorithms: jwksAlgorithms })
  }
}

/** The owner whose keys a principal manages: the organisation that the user acts for, else the user. */
export function ownerOf({ subject, organisation }: Principal): Owner {
  return organisation === undefined
    ? { kind: 'user', id: subject }
    : { kind: 'organisation', id: organisation }
}

/** Whether the role is about one's own account: all others are operators'. */
export function isOfOwner(role: PrincipalRole): boolean {
  return role === 'owner' || role === 'reader'
}

/** Names a principal where its requests are counted: an owner by its account, an operator by the user or the operator key. */
export function principalKey(principal: Principal): string {
  const { role, subject, isOperatorKey } = principal
  if (isOperatorKey) return `operator-key:${subject}`
  if (isOfOwner(role)) return accountIdOf(ownerOf(principal))
  return `operator:${accountIdOf({ kind: 'user', id: subject })}`
}

/** A token needs `exp`: without it, it would be valid for ever. */
function checksOf({ issuer, audience, clockToleranceSeconds }: AuthOptions): JWTVerifyOptions {
  return {
    requiredClaims: ['exp', 'sub'],
    clockTolerance: clockToleranceSeconds ?? 30,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  }
}

/** The token of an Authorization header, which may as well be an operator key. Spaces and tabs around it do not matter. */
export function bearerToken(authorization: string | null | undefined): string | undefined {
  const [scheme, token, ...rest] = authorization?.trim().split(/[ \t]+/) ?? []
  return scheme?.toLowerCase() === 'bearer' && rest.length === 0 ? token : undefined
}

/**
 * A token whose organisation is not a valid id is refused. Read as the user's own token, it would create keys
 * on the wrong account.
 *
 * @throws TokenRefused
 */
export function principalOf(claims: JWTPayload, options: RoleOptions): Principal {
  const subject = claims.sub
  const organisation = claimAt(claims, options.organisationClaim) ?? undefined
  if (!isId(subject)) throw new TokenRefused(`sub: ${expectedId}, got ${printed(subject)}`)
  const roles = rolesOf(subject, claims, options)
  if (organisation === undefined) return { subject, ...roles }
  if (isId(organisation)) return { subject, organisation, ...roles }
  throw new TokenRefused(
    `${options.organisationClaim}: ${expectedId}, got ${printed(organisation)}`,
  )
}

const expectedId = 'expected a text of 1 to 255 characters'

type Roles = Pick<Principal, 'role' | 'onlyReadsOwn'>

function rolesOf(subject: string, claims: JWTPayload, options: RoleOptions): Roles {
  const names = namesOfRoles(claims, options.roleClaim)
  const has = (role: string | undefined) => role !== undefined && names.includes(role)
  const onlyReadsOwn = has(options.readerRole) && { onlyReadsOwn: true as const }
  if (options.adminUserIds.includes(subject) || has(options.adminRole)) {
    return { role: 'admin', ...onlyReadsOwn }
  }
  if (has(options.supportRole)) return { role: 'support', ...onlyReadsOwn }
  if (has(options.auditorRole)) return { role: 'auditor', ...onlyReadsOwn }
  return { role: onlyReadsOwn ? 'reader' : 'owner' }
}

function namesOfRoles(claims: JWTPayload, roleClaim: string | undefined): readonly unknown[] {
  if (roleClaim === undefined) {
    return [claims.role, ...(Array.isArray(claims.roles) ? claims.roles : [])]
  }
  const found = claimAt(claims, roleClaim)
  if (typeof found === 'string') return found.split(' ')
  return Array.isArray(found) ? found : []
}

/** Ids go into the ledger: texts of a bounded length without control characters, which PostgreSQL's JSON refuses. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && /^\P{C}{1,255}$/u.test(value)
}
