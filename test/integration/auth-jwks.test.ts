import { describe, expect, test } from 'bun:test'
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import { type AuthOptions, openAuth } from '../../src/http/auth/auth.ts'
import { SigningKeysUnavailable } from '../../src/http/auth/jwks.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import {
  type IdentityProvider,
  openIdentityProvider,
  outages,
} from '../support/identity-provider.ts'

const minuteMs = 60_000
const alice = { subject: 'alice', role: 'owner' } as const

/** The gateway's side, with a clock that tests set. */
function openGateway(
  provider: IdentityProvider,
  jwtSecret?: string,
  more: Partial<AuthOptions> = {},
) {
  const warnings: string[] = []
  let now = 0
  const auth = openAuth({
    jwksUrl: provider.url,
    jwtSecret,
    adminUserIds: [],
    adminRole: 'admin',
    auditorRole: 'auditor',
    supportRole: 'support',
    readerRole: 'reader',
    organisationClaim: 'org',
    nowMs: () => now,
    ...more,
    warn: (message) => warnings.push(message),
  })
  return {
    warnings,
    pass(ms: number) {
      now += ms
    },
    who: (token: string) => auth.authenticate(`Bearer ${token}`),
    examine: auth.examine,
    /** The same, with 'unavailable' where nobody can tell. */
    whoIfKnown: (token: string) =>
      auth.authenticate(`Bearer ${token}`).catch((error) => {
        if (error instanceof SigningKeysUnavailable) return 'unavailable'
        throw error
      }),
  }
}

describe('tokens of an identity provider', () => {
  for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
    test(`signed with ${algorithm} are accepted`, async () => {
      await using provider = await openIdentityProvider(algorithm)
      const { who } = openGateway(provider)
      expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
    })
  }

  test('are refused when expired, without expiry or signed by somebody else', async () => {
    await using provider = await openIdentityProvider()
    await using impostor = await openIdentityProvider()
    const { who } = openGateway(provider)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
    expect(await who(await provider.sign({ sub: 'alice', exp: 1 }))).toBeUndefined()
    expect(await who(await provider.sign({ sub: 'alice' }, { expires: false }))).toBeUndefined()
    expect(await who(await impostor.sign({ sub: 'alice' }))).toBeUndefined()
  })

  test('the keys are fetched once for many clients at once', async () => {
    await using provider = await openIdentityProvider()
    const { who } = openGateway(provider)
    const token = await provider.sign({ sub: 'alice' })
    const principals = await Promise.all(Array.from({ length: 50 }, () => who(token)))
    expect(principals).toEqual(Array(50).fill(alice))
    expect(provider.fetches()).toBe(1)
  })
})

describe('algorithm confusion', () => {
  test('a public key is never an HMAC secret, with or without a secret beside the keys', async () => {
    await using provider = await openIdentityProvider()
    const [jwk = {}] = provider.publicKeys()
    const publicKey = await importJWK(jwk, 'RS256', { extractable: true })
    if (publicKey instanceof Uint8Array) throw new Error('expected a public key')
    const pem = await exportSPKI(publicKey)
    for (const text of [pem, pem.trim(), JSON.stringify(jwk)]) {
      const forged = await new SignJWT({ sub: 'alice', exp: 9_999_999_999 })
        .setProtectedHeader({ alg: 'HS256', kid: 'key-1' })
        .sign(new TextEncoder().encode(text))
      expect(await openGateway(provider).who(forged)).toBeUndefined()
      expect(
        await openGateway(provider, 'the secret beside the keys, long enough').who(forged),
      ).toBeUndefined()
    }
  })

  test('a token that brings its own key is refused', async () => {
    await using provider = await openIdentityProvider()
    await using attacker = await openIdentityProvider()
    const { privateKey } = await generateKeyPair('RS256')
    const [jwk] = attacker.publicKeys()
    const forged = await new SignJWT({ sub: 'alice', exp: 9_999_999_999 })
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1', jwk, jku: attacker.url } as { alg: string })
      .sign(privateKey)
    expect(await openGateway(provider).who(forged)).toBeUndefined()
    expect(attacker.fetches()).toBe(0)
  })

  test('with a secret and keys configured, both kinds of token are accepted', async () => {
    await using provider = await openIdentityProvider()
    const secret = 'the secret beside the keys, long enough'
    const { who } = openGateway(provider, secret)
    const own = await signToken({ secret, subject: 'alice', expiresInSeconds: 60 })
    expect(await who(own)).toEqual(alice)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
  })
})

describe('rotation', () => {
  test('a token signed with a new key is accepted at once, one with the withdrawn key no more', async () => {
    await using provider = await openIdentityProvider()
    const { who, pass } = openGateway(provider)
    const old = await provider.sign({ sub: 'alice' })
    expect(await who(old)).toEqual(alice)

    await provider.rotate('ES256')
    pass(minuteMs)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
    expect(await who(old)).toBeUndefined()
  })

  test('a withdrawn key is dropped even when no token names a new one', async () => {
    await using provider = await openIdentityProvider()
    const { who, pass } = openGateway(provider)
    const old = await provider.sign({ sub: 'alice' })
    expect(await who(old)).toEqual(alice)

    await provider.rotate()
    pass(11 * minuteMs)
    await until(async () => (await who(old)) === undefined)
    expect(provider.fetches()).toBe(2)
  })

  test('invented key ids do not make the gateway fetch again and again', async () => {
    await using provider = await openIdentityProvider()
    const { who } = openGateway(provider)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
    for (let attempt = 0; attempt < 20; attempt++) {
      expect(
        await who(await provider.sign({ sub: 'alice' }, { keyId: `made-up-${attempt}` })),
      ).toBeUndefined()
    }
    expect(provider.fetches()).toBe(1)
  })
})

describe('a provider whose keys have no ids', () => {
  test('has the tokens of each of them accepted, and of no other', async () => {
    await using provider = await openIdentityProvider('ES256')
    await using impostor = await openIdentityProvider('ES256')
    for (const each of [provider, impostor]) each.hideIds()
    const tokens = [await provider.sign({ sub: 'alice' })]
    for (let keys = 1; keys < 5; keys++) {
      await provider.addKey()
      tokens.push(await provider.sign({ sub: 'alice' }))
    }
    const { who } = openGateway(provider)
    for (const token of tokens) expect(await who(token)).toEqual(alice)
    expect(await who(await impostor.sign({ sub: 'alice' }))).toBeUndefined()
    expect(await who(await provider.sign({ sub: 'alice', exp: 1 }))).toBeUndefined()
    expect(provider.fetches()).toBe(1)
  })

  test('has a new key accepted at once', async () => {
    await using provider = await openIdentityProvider('ES256')
    provider.hideIds()
    const { who, pass } = openGateway(provider)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
    await provider.rotate()
    pass(minuteMs)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
  })
})

describe('a new key under the id of an old one', () => {
  test('is accepted at once, and the old one no more', async () => {
    await using provider = await openIdentityProvider()
    const { who, pass } = openGateway(provider)
    const old = await provider.sign({ sub: 'alice' })
    expect(await who(old)).toEqual(alice)
    await provider.rotate('RS256', { keepId: true })
    pass(minuteMs)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
    pass(minuteMs)
    expect(await who(old)).toBeUndefined()
  })

  test('is looked for no oftener than every five seconds, however many signatures are wrong', async () => {
    await using provider = await openIdentityProvider()
    await using impostor = await openIdentityProvider()
    const { who, pass } = openGateway(provider)
    expect(await who(await provider.sign({ sub: 'alice' }))).toEqual(alice)
    const forged = await impostor.sign({ sub: 'alice' })
    for (let second = 0; second < 20; second++) {
      pass(1_000)
      await Promise.all(Array.from({ length: 5 }, () => who(forged)))
    }
    expect(provider.fetches()).toBe(5)
    expect(await who(forged)).toBeUndefined()
  })
})

describe('while the provider is away', () => {
  for (const outage of outages) {
    test(`(${outage}) from the start, nobody can tell what a token is worth`, async () => {
      await using provider = await openIdentityProvider()
      provider.setOutage(outage)
      const { whoIfKnown, warnings } = openGateway(provider)
      const token = await provider.sign({ sub: 'alice' })
      expect(await whoIfKnown(token)).toBe('unavailable')
      expect(warnings).toEqual([expect.stringContaining('could not fetch signing keys')])
      expect(await whoIfKnown('a.b.c')).toBeUndefined()
    })
  }

  test('nobody can tell whether a key that is not known is new or invented', async () => {
    await using provider = await openIdentityProvider()
    const { who, whoIfKnown, pass } = openGateway(provider)
    const old = await provider.sign({ sub: 'alice' })
    expect(await who(old)).toEqual(alice)
    await provider.rotate()
    provider.setOutage('error')
    pass(minuteMs)
    const token = await provider.sign({ sub: 'alice' })
    expect(await whoIfKnown(token)).toBe('unavailable')
    expect(await who(old)).toEqual(alice)
    provider.setOutage('none')
    pass(minuteMs)
    expect(await who(token)).toEqual(alice)
  })

  for (const outage of outages) {
    test(`(${outage}) the known keys verify tokens, however old they are`, async () => {
      await using provider = await openIdentityProvider()
      const { who, pass, warnings } = openGateway(provider)
      const token = await provider.sign({ sub: 'alice' })
      expect(await who(token)).toEqual(alice)

      provider.setOutage(outage)
      for (let hour = 0; hour < 5; hour++) {
        pass(60 * minuteMs)
        expect(await who(token)).toEqual(alice)
        await until(() => provider.fetches() > 1)
      }
      if (!/hang|drip/.test(outage)) await until(() => warnings.length > 0)
    })
  }

  test('keys are valid for a day at most, and again when the provider is back', async () => {
    await using provider = await openIdentityProvider()
    const { who, whoIfKnown, pass, warnings } = openGateway(provider)
    const token = await provider.sign({ sub: 'alice' })
    expect(await who(token)).toEqual(alice)

    provider.setOutage('error')
    pass(24 * 60 * minuteMs + 1)
    expect(await whoIfKnown(token)).toBe('unavailable')
    expect(warnings).toEqual([expect.stringContaining(provider.url)])

    provider.setOutage('none')
    pass(minuteMs)
    expect(await who(token)).toEqual(alice)
  })

  test('from the start nobody can sign in, and not every token causes a fetch', async () => {
    await using provider = await openIdentityProvider()
    provider.setOutage('error')
    const { who, whoIfKnown, pass } = openGateway(provider)
    const token = await provider.sign({ sub: 'alice' })
    for (let attempt = 0; attempt < 20; attempt++) {
      expect(await whoIfKnown(token)).toBe('unavailable')
    }
    expect(provider.fetches()).toBe(1)

    provider.setOutage('none')
    pass(minuteMs)
    expect(await who(token)).toEqual(alice)
  })
})

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(setImmediate)
}

test('why a token of the provider is not accepted, the operator is told', async () => {
  await using provider = await openIdentityProvider()
  await using impostor = await openIdentityProvider()
  const { examine } = openGateway(provider)
  const of = (token: string) => examine(token)
  expect(await of(await provider.sign({ sub: 'alice' }))).toEqual(alice)
  expect(await of(await provider.sign({ sub: 'alice' }, { keyId: 'new' }))).toEqual({
    fault: 'kid "new", alg "RS256": no signing key of the provider fits',
  })
  expect(await of(await impostor.sign({ sub: 'alice' }))).toEqual({
    fault: 'the signature was not made with the signing key "key-1"',
  })
  const unsigned = new UnsecuredJWT({ sub: 'alice' }).encode()
  expect(await of(unsigned)).toEqual({
    fault: 'alg "none": expected one of RS256, ES256, EdDSA, Ed25519',
  })
})
