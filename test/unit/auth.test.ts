import { describe, expect, test } from 'bun:test'
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { parseConfig } from '../../src/config/load-config.ts'
import { type AuthOptions, openAuth, ownerOf } from '../../src/http/auth/auth.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { smallConfig } from '../support/small-config.ts'

const secret = 'a secret of at least thirty-two bytes'
const base: AuthOptions = {
  jwtSecret: secret,
  adminUserIds: ['root-user'],
  adminRole: 'admin',
  auditorRole: 'auditor',
  supportRole: 'support',
  readerRole: 'reader',
  organisationClaim: 'org',
}
const nowSeconds = Math.floor(Date.now() / 1000)
const valid: JWTPayload = { sub: 'user-1', exp: nowSeconds + 300 }

function hmacToken(claims: JWTPayload, key = secret, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key))
}

async function principalOf(claims: JWTPayload, options: Partial<AuthOptions> = {}) {
  const auth = openAuth({ ...base, ...options })
  return auth.authenticate(`Bearer ${await hmacToken(claims)}`)
}

describe('a valid token', () => {
  test('speaks for its subject', async () => {
    expect(await principalOf(valid)).toEqual({ subject: 'user-1', role: 'owner' })
  })

  test('may be given under any case of the scheme', async () => {
    const token = await hmacToken(valid)
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect(await openAuth(base).authenticate(`${scheme} ${token}`)).toBeDefined()
    }
  })

  test('may have spaces and tabs around it', async () => {
    const token = await hmacToken(valid)
    for (const header of [`Bearer  ${token}`, `Bearer \t ${token}`, ` Bearer ${token} `]) {
      expect(await openAuth(base).authenticate(header)).toBeDefined()
    }
  })

  test('speaks for an organisation when it names one, which then owns the keys', async () => {
    const principal = await principalOf({ ...valid, org: 'org-9' })
    expect(principal).toEqual({ subject: 'user-1', organisation: 'org-9', role: 'owner' })
    expect(principal && ownerOf(principal)).toEqual({ kind: 'organisation', id: 'org-9' })
    expect(ownerOf({ subject: 'user-1', role: 'owner' })).toEqual({ kind: 'user', id: 'user-1' })
  })

  test('without an organisation, or with null for one, speaks for the user', async () => {
    expect(await principalOf({ ...valid, org: null })).toEqual({ subject: 'user-1', role: 'owner' })
  })

  test('with an organisation that is not an id is refused, and not read as a token of the user', async () => {
    for (const org of [42, '', ['org-9'], { id: 'org-9' }, 'a\0b', 'x'.repeat(256), false]) {
      expect(await principalOf({ ...valid, org })).toBeUndefined()
    }
  })
})

describe('while one secret replaces another', () => {
  const other = 'another secret of at least thirty-two bytes'
  const both = openAuth({ ...base, jwtOtherSecret: other })

  test('tokens of both are accepted, and of no third one', async () => {
    for (const key of [secret, other]) {
      const token = await hmacToken(valid, key)
      expect(await both.authenticate(`Bearer ${token}`)).toEqual({
        subject: 'user-1',
        role: 'owner',
      })
    }
    const forged = await hmacToken(valid, 'a third secret of at least thirty-two bytes')
    expect(await both.authenticate(`Bearer ${forged}`)).toBeUndefined()
    expect(
      await openAuth(base).authenticate(`Bearer ${await hmacToken(valid, other)}`),
    ).toBeUndefined()
  })

  test('what is wrong with a token is said by the secret that signed it', async () => {
    const expired = { ...valid, exp: nowSeconds - 300 }
    for (const key of [secret, other]) {
      const examined = await both.examine(await hmacToken(expired, key))
      expect(examined).toEqual({ fault: expect.stringContaining('exp: expired') })
    }
  })

  test('the other secret has to be as strong', () => {
    expect(() => openAuth({ ...base, jwtOtherSecret: 'short' })).toThrow('JWT_OTHER_SECRET: ')
  })
})

describe('roles', () => {
  const cases: [claims: JWTPayload, role: string][] = [
    [{ role: 'admin' }, 'admin'],
    [{ role: 'auditor' }, 'auditor'],
    [{ role: 'customer' }, 'owner'],
    [{ roles: ['customer', 'admin'] }, 'admin'],
    [{ roles: ['auditor'] }, 'auditor'],
    [{ roles: ['auditor', 'admin'] }, 'admin'],
    [{ role: 'auditor', roles: ['admin'] }, 'admin'],
    [{ role: 'support' }, 'support'],
    [{ roles: ['auditor', 'support'] }, 'support'],
    [{ roles: ['support', 'admin'] }, 'admin'],
    [{ role: 'reader' }, 'reader'],
    [{ roles: ['reader', 'auditor'] }, 'auditor'],
    [{ sub: 'root-user', role: 'reader' }, 'admin'],
    [{ role: ['admin'] }, 'owner'],
    [{ roles: 'admin' }, 'owner'],
    [{ role: 'Admin' }, 'owner'],
    [{ role: 'administrator' }, 'owner'],
    [{ roles: [['admin'], null, 1] }, 'owner'],
    [{ sub: 'root-user' }, 'admin'],
    [{ sub: 'root-user', role: 'auditor' }, 'admin'],
    [{ sub: 'root-user2' }, 'owner'],
  ]
  for (const [claims, role] of cases) {
    test(`${JSON.stringify(claims)} is ${role}`, async () => {
      expect((await principalOf({ ...valid, ...claims }))?.role as string | undefined).toBe(role)
    })
  }

  test('have the names that are configured', async () => {
    const names = {
      ...{ adminRole: 'operator', auditorRole: 'reviewer' },
      ...{ supportRole: 'helpdesk', readerRole: 'viewer' },
    }
    expect((await principalOf({ ...valid, role: 'operator' }, names))?.role).toBe('admin')
    expect((await principalOf({ ...valid, role: 'reviewer' }, names))?.role).toBe('auditor')
    expect((await principalOf({ ...valid, role: 'helpdesk' }, names))?.role).toBe('support')
    expect((await principalOf({ ...valid, role: 'viewer' }, names))?.role).toBe('reader')
    expect((await principalOf({ ...valid, role: 'reader' }, names))?.role).toBe('owner')
    expect((await principalOf({ ...valid, role: 'admin' }, names))?.role).toBe('owner')
  })
})

test('nobody is support unless a role is named', async () => {
  const options = { supportRole: undefined }
  for (const claims of [{ role: 'support' }, { roles: ['support'] }, {}, { role: undefined }]) {
    expect((await principalOf({ ...valid, ...claims }, options))?.role).toBe('owner')
  }
  const { supportRole } = parseConfig({ text: smallConfig, source: 'test.yaml', env: {} })
  expect(supportRole).toBeUndefined()
})

test('an operator who is a reader, too, only reads what is his own', async () => {
  for (const role of ['admin', 'support', 'auditor'] as const) {
    const principal = await principalOf({ ...valid, roles: ['reader', role] })
    expect(principal).toEqual({ subject: 'user-1', role, onlyReadsOwn: true })
  }
})

describe('roles are found where an identity provider writes them:', () => {
  /** Tokens of three providers, as their documentation shows them, for an operator. */
  const keycloak = {
    iss: 'https://id.example/realms/acme',
    azp: 'portal',
    realm_access: { roles: ['offline_access', 'admin', 'uma_authorization'] },
    resource_access: {
      'tollbook.api': { roles: ['auditor'] },
      account: { roles: ['manage-account', 'view-profile'] },
    },
    scope: 'openid email profile',
  }
  const auth0 = {
    iss: 'https://acme.eu.auth0.com/',
    aud: ['https://tollbook.example', 'https://acme.eu.auth0.com/userinfo'],
    scope: 'openid profile read:keys',
    permissions: ['read:keys', 'admin'],
    'https://tollbook.example/roles': ['admin'],
    'https://tollbook.example/app_metadata': { roles: ['auditor'] },
  }
  const okta = {
    iss: 'https://acme.okta.com/oauth2/default',
    scp: ['openid', 'profile'],
    groups: ['Everyone', 'admin'],
  }
  const cases: [provider: string, claims: JWTPayload, roleClaim: string, role: string][] = [
    ['Keycloak’s realm roles', keycloak, 'realm_access.roles', 'admin'],
    ['Keycloak’s roles of a client', keycloak, 'resource_access.tollbook.api.roles', 'auditor'],
    ['Keycloak’s roles of another client', keycloak, 'resource_access.account.roles', 'owner'],
    ['Auth0’s namespaced claim', auth0, 'https://tollbook.example/roles', 'admin'],
    ['a path below it', auth0, 'https://tollbook.example/app_metadata.roles', 'auditor'],
    ['Auth0’s permissions', auth0, 'permissions', 'admin'],
    ['Okta’s groups', okta, 'groups', 'admin'],
    ['scopes between spaces', { scope: 'openid admin profile' }, 'scope', 'admin'],
    ['a scope that only begins so', { scope: 'openid admin:read' }, 'scope', 'owner'],
    ['one role as a text', { user: { role: 'auditor' } }, 'user.role', 'auditor'],
    ['no claim at all', {}, 'realm_access.roles', 'owner'],
    ['a part of the path', { realm_access: ['admin'] }, 'realm_access.roles', 'owner'],
    ['a text in the middle of it', { realm_access: 'admin' }, 'realm_access.roles', 'owner'],
    ['numbers, null and lists in lists', { groups: [1, null, ['admin']] }, 'groups', 'owner'],
    ['an object of names', { groups: { admin: true } }, 'groups', 'owner'],
    ['what every object has', {}, 'constructor.name', 'owner'],
    ['only the claim that is configured', { ...okta, role: 'admin' }, 'scp', 'owner'],
  ]
  for (const [what, claims, roleClaim, role] of cases) {
    test(`${what} (${roleClaim}): ${role}`, async () => {
      const principal = await principalOf({ ...valid, ...claims }, { roleClaim })
      expect(principal?.role as string | undefined).toBe(role)
    })
  }

  test('the organisation, too', async () => {
    const claims = { ...valid, 'https://example.com/tenant': { id: 'org-9' } }
    const organisationClaim = 'https://example.com/tenant.id'
    const principal = await principalOf(claims, { organisationClaim })
    expect(principal).toEqual({ subject: 'user-1', organisation: 'org-9', role: 'owner' })
  })

  test('and where `tollbook token` writes them', async () => {
    const roleClaim = 'realm_access.roles'
    const how = { secret, subject: 'user-1', expiresInSeconds: 60 }
    const token = await signToken({ ...how, role: 'admin', roleClaim })
    const auth = openAuth({ ...base, roleClaim })
    expect((await auth.authenticate(`Bearer ${token}`))?.role).toBe('admin')
  })
})

describe('a token is refused', () => {
  const claims: Record<string, JWTPayload> = {
    'when it has expired': { ...valid, exp: nowSeconds - 60 },
    'when it is not valid yet': { ...valid, nbf: nowSeconds + 60 },
    'when it never expires': { sub: 'user-1' },
    'when its expiry is not a number': { ...valid, exp: 'never' as unknown as number },
    'without a subject': { exp: nowSeconds + 300 },
    'with an empty subject': { ...valid, sub: '' },
    'with a subject that is not a text': { ...valid, sub: 1 as unknown as string },
    'with a subject that the ledger cannot store': { ...valid, sub: 'a\0b' },
  }
  for (const [name, payload] of Object.entries(claims)) {
    test(name, async () => expect(await principalOf(payload)).toBeUndefined())
  }

  test('when issuer or audience are not the configured ones', async () => {
    const options = { issuer: 'https://id.example', audience: 'tollbook' }
    const right = { ...valid, iss: options.issuer, aud: ['other', options.audience] }
    expect(await principalOf(right, options)).toBeDefined()
    expect(await principalOf({ ...right, iss: 'https://evil.example' }, options)).toBeUndefined()
    expect(await principalOf({ ...right, aud: 'other' }, options)).toBeUndefined()
    expect(await principalOf(valid, options)).toBeUndefined()
  })

  test('when it is signed with another secret, or by another algorithm with this one', async () => {
    const auth = openAuth(base)
    const other = await hmacToken(valid, 'another secret of thirty-two bytes or so')
    expect(await auth.authenticate(`Bearer ${other}`)).toBeUndefined()
    const long = `${secret}, and as long as that again`
    const hs512 = await hmacToken(valid, long, 'HS512')
    expect(
      await openAuth({ ...base, jwtSecret: long }).authenticate(`Bearer ${hs512}`),
    ).toBeUndefined()
  })

  test('when it is not signed at all', async () => {
    const unsigned = new UnsecuredJWT(valid).encode()
    const [, payload] = (await hmacToken(valid)).split('.')
    const none = (alg: string) => Buffer.from(JSON.stringify({ alg })).toString('base64url')
    const forged = ['none', 'None', 'NONE', 'HS256', ''].map((alg) => `${none(alg)}.${payload}.`)
    for (const token of [unsigned, ...forged]) {
      expect(await openAuth(base).authenticate(`Bearer ${token}`)).toBeUndefined()
    }
  })

  test('when a character of it was changed', async () => {
    const token = await hmacToken(valid)
    const auth = openAuth(base)
    for (const index of [3, token.indexOf('.') + 5, token.lastIndexOf('.') + 5]) {
      const changed =
        token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1)
      expect(await auth.authenticate(`Bearer ${changed}`)).toBeUndefined()
    }
  })

  test('when the header is anything else', async () => {
    const token = await hmacToken(valid)
    const headers = ['', ' ', 'Bearer', 'Bearer ', token, `Bearer,${token}`, `Basic ${token}`]
    const others = [
      `Bearer ${token} x`,
      'Bearer a.b.c',
      'Bearer ...',
      `Bearer sk_live_${'0'.repeat(40)}`,
    ]
    for (const header of [
      undefined,
      null,
      ...headers,
      ...others,
      `Bearer ${'x'.repeat(100_000)}`,
    ]) {
      expect(await openAuth(base).authenticate(header)).toBeUndefined()
    }
  })

  test('when nothing is configured to verify it', async () => {
    expect(await principalOf(valid, { jwtSecret: undefined })).toBeUndefined()
  })
})

test('clocks that differ by less than the tolerance do not matter', async () => {
  const justExpired = { ...valid, exp: nowSeconds - 30 }
  expect(await principalOf(justExpired, { clockToleranceSeconds: 60 })).toBeDefined()
  expect(await principalOf(justExpired, { clockToleranceSeconds: 0 })).toBeUndefined()
})

test('clocks may differ by half a minute, and by no more', async () => {
  for (const late of [10, 25]) {
    expect(await principalOf({ ...valid, exp: nowSeconds - late })).toBeDefined()
    expect(await principalOf({ ...valid, nbf: nowSeconds + late })).toBeDefined()
  }
  expect(await principalOf({ ...valid, exp: nowSeconds - 45 })).toBeUndefined()
  expect(await principalOf({ ...valid, nbf: nowSeconds + 45 })).toBeUndefined()
})

describe('a secret is refused at the start', () => {
  const weak: Record<string, string> = {
    'of one character repeated': 'x'.repeat(64),
    'of a word repeated': 'changeme!'.repeat(5),
    'of digits that run in circles': '0123456789'.repeat(4).slice(0, 35),
    'of few different characters': 'abcabdabcaabcbadbcadbcbabcdabcbabdcbad',
    'with a line break at its end': `${secret}\n`,
    'with a line break of another system': `${secret}\r\n`,
    'with a tab': `${secret}\t`,
  }
  for (const [what, jwtSecret] of Object.entries(weak)) {
    test(`${what}, and is not repeated in the error`, () => {
      const open = () => openAuth({ ...base, jwtSecret })
      expect(open).toThrow('JWT_SECRET: expected')
      expect(open).not.toThrow(jwtSecret.trim())
    })
  }

  test('but not where it is random', () => {
    for (let n = 0; n < 200; n++) {
      const random = Buffer.from(crypto.getRandomValues(new Uint8Array(32)))
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        expect(() => openAuth({ ...base, jwtSecret: random.toString(encoding) })).not.toThrow()
      }
    }
  })

  test('when it is too short', () => {
    expect(() => openAuth({ ...base, jwtSecret: 'short' })).toThrow(
      'JWT_SECRET: expected at least 32',
    )
    expect(() => openAuth({ ...base, jwtSecret: '' })).toThrow('JWT_SECRET')
  })

  test('when it is a public key, which everybody has', () => {
    const pem = `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(60)}\n-----END PUBLIC KEY-----`
    expect(() => openAuth({ ...base, jwtSecret: pem })).toThrow('JWKS_URL')
  })
})

describe('a token made by signToken', () => {
  test('is accepted with all its claims', async () => {
    const options = { ...base, issuer: 'tollbook', audience: 'api' }
    const token = await signToken({
      secret,
      subject: 'user-7',
      role: 'auditor',
      organisation: { claim: 'org', id: 'org-1' },
      issuer: 'tollbook',
      audience: 'api',
      expiresInSeconds: 60,
    })
    const principal = await openAuth(options).authenticate(`Bearer ${token}`)
    expect(principal).toEqual({ subject: 'user-7', organisation: 'org-1', role: 'auditor' })
  })

  test('is an owner by default, and expires', async () => {
    const sign = (expiresInSeconds: number) =>
      signToken({ secret, subject: 'user-7', expiresInSeconds })
    const auth = openAuth(base)
    expect(await auth.authenticate(`Bearer ${await sign(60)}`)).toEqual({
      subject: 'user-7',
      role: 'owner',
    })
    expect(await auth.authenticate(`Bearer ${await sign(-60)}`)).toBeUndefined()
  })
})

describe('why a token is not accepted, the operator is told:', () => {
  const checks = { issuer: 'https://id.example', audience: 'tollbook' }
  const right = { ...valid, iss: checks.issuer, aud: checks.audience }
  const cases: [claims: JWTPayload, fault: string][] = [
    [{ ...right, aud: 'other' }, 'aud: expected "tollbook", got "other"'],
    [{ ...right, aud: ['a', 'b'] }, 'aud: expected "tollbook", got ["a","b"]'],
    [{ ...right, aud: undefined as never }, 'aud: expected "tollbook", got nothing'],
    [
      { ...right, iss: 'https://x.example' },
      'iss: expected "https://id.example", got "https://x.example"',
    ],
    [{ ...right, exp: 86_400 }, 'exp: expired at 1970-01-02T00:00:00.000Z'],
    [{ ...right, exp: undefined as never }, 'exp: missing'],
    [{ ...right, exp: 'never' as never }, 'exp: got "never"'],
    [{ ...right, nbf: 4_102_444_800 }, 'nbf: not valid before 2100-01-01T00:00:00.000Z'],
    [{ ...right, nbf: 1e300 }, 'nbf: not valid before 1e+300'],
    [{ ...right, sub: undefined as never }, 'sub: missing'],
    [{ ...right, sub: '' }, 'sub: expected a text of 1 to 255 characters, got ""'],
    [{ ...right, org: 42 }, 'org: expected a text of 1 to 255 characters, got 42'],
    [{ ...right, iss: '\u202e\n' }, 'iss: expected "https://id.example", got "\\u202e\\n"'],
  ]
  test.each(cases)('%j', async (claims, fault) => {
    const reasons: string[] = []
    const auth = openAuth({ ...base, ...checks, refused: (reason) => reasons.push(reason) })
    const token = await hmacToken(claims)
    expect(await auth.examine(token)).toEqual({ fault })
    expect(await auth.authenticate(`Bearer ${token}`)).toBeUndefined()
    expect(reasons).toEqual([fault])
  })

  test('of other algorithms, secrets and texts, and nothing of the token that nobody signed is repeated', async () => {
    const { examine } = openAuth(base)
    const fault = async (token: string) => (await examine(token)) as object
    const other = await hmacToken(valid, 'another secret of thirty-two bytes or so')
    expect(await fault(other)).toEqual({ fault: 'the signature was not made with JWT_SECRET' })
    expect(await fault(new UnsecuredJWT(valid).encode())).toEqual({
      fault: 'alg "none": expected "HS256", as JWKS_URL is not set',
    })
    for (const text of ['', 'a.b.c', '...', 'sk_live_0123456789']) {
      expect(await fault(text)).toEqual({
        fault: 'it is not a JSON Web Token that can be verified',
      })
    }
    const withoutSecret = openAuth({ ...base, jwtSecret: undefined })
    expect(await withoutSecret.examine(await hmacToken(valid))).toEqual({
      fault: 'alg "HS256": JWT_SECRET is not set',
    })
  })

  test('a long claim is cut', async () => {
    const auth = openAuth({ ...base, ...checks })
    const examined = await auth.examine(await hmacToken({ ...right, aud: 'x'.repeat(5_000) }))
    expect(JSON.stringify(examined).length).toBeLessThan(300)
  })
})
