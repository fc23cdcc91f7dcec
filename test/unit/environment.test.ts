import { describe, expect, test } from 'bun:test'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
import { readEnvironment } from '../../src/config/environment.ts'
import { upstreamAddresses } from '../../src/config/upstream-addresses.ts'
import { parse, withChange } from '../support/small-config.ts'
import { addressAt } from '../support/upstream-address.ts'

function problemsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(printProblem)
    throw error
  }
  return []
}

describe('the environment', () => {
  test('an empty one has defaults and no secrets', () => {
    const empty = {
      port: 3030,
      metrics: { hostname: '127.0.0.1', port: 9464 },
      console: { hostname: '127.0.0.1', port: 9470 },
      drainSeconds: 0,
      adminUserIds: [],
      corsOrigins: [],
      keyPrefixes: { live: 'sk_live_', test: 'sk_test_' },
    }
    expect(readEnvironment({})).toEqual(empty)
    expect(
      readEnvironment({ DATABASE_URL: '', PORT: ' ', JWT_SECRET: '', CORS_ORIGINS: ',' }),
    ).toEqual(empty)
  })

  test('has a second secret for tokens only beside the one that signs them', () => {
    const both = { JWT_SECRET: 'one', JWT_OTHER_SECRET: 'other' }
    expect(readEnvironment(both)).toMatchObject({ jwtSecret: 'one', jwtOtherSecret: 'other' })
    expect(problemsOf(() => readEnvironment({ JWT_OTHER_SECRET: 'other' }))).toEqual([
      'JWT_OTHER_SECRET: expected JWT_SECRET beside it, which signs tokens',
    ])
  })

  test('has a sign-in at a provider, whole or not at all', () => {
    const oidc = {
      ...{ OIDC_ISSUER: 'https://id.example/realms/customers', OIDC_CLIENT_ID: 'portal' },
      PUBLIC_URL: 'https://api.example',
    }
    expect(readEnvironment(oidc).oidc).toEqual({
      ...{ issuer: oidc.OIDC_ISSUER, clientId: 'portal', publicUrl: 'https://api.example' },
    })
    expect(readEnvironment({ PUBLIC_URL: oidc.PUBLIC_URL }).oidc).toBeUndefined()
    const faults = (changes: Record<string, string>) =>
      problemsOf(() => readEnvironment({ ...oidc, ...changes }))
    for (const name of Object.keys(oidc)) {
      expect(faults({ [name]: '' })).toEqual([expect.stringContaining(`${name}: signing in`)])
    }
    for (const url of [
      'http://api.example',
      'ftp://api.example',
      'https://api.example/portal',
      'x',
    ]) {
      expect(faults({ PUBLIC_URL: url })).toEqual([expect.stringContaining('PUBLIC_URL: ')])
    }
    expect(faults({ OIDC_ISSUER: 'http://id.example' })).toEqual([
      expect.stringContaining('OIDC_ISSUER: '),
    ])
    expect(faults({ PUBLIC_URL: 'http://127.0.0.1:3030' })).toEqual([])
    const CONSOLE_URL = 'https://console.example'
    expect(readEnvironment({ ...oidc, CONSOLE_URL }).console?.publicUrl).toBe(CONSOLE_URL)
    expect(readEnvironment({ ...oidc, CONSOLE_PORT: 'off' }).console).toBeUndefined()
    expect(problemsOf(() => readEnvironment({ CONSOLE_URL }))).toEqual([
      expect.stringContaining('CONSOLE_URL: signing in there needs'),
    ])
    expect(faults({ CONSOLE_URL: `${CONSOLE_URL}/console` })).toEqual([
      expect.stringContaining('CONSOLE_URL: expected an origin'),
    ])
  })

  test('is read whole', () => {
    expect(
      readEnvironment({
        DATABASE_URL: 'postgres://user:pw@db/tollbook',
        REDIS_URL: 'redis://cache:6379',
        JWT_SECRET: ' spaces count ',
        JWKS_URL: 'https://id.example/keys',
        JWT_ISSUER: 'https://id.example',
        JWT_AUDIENCE: 'tollbook',
        PORT: '0',
        ADMIN_USER_IDS: 'ann, bob,',
        CORS_ORIGINS: 'https://a.example,http://localhost:5173',
        CORS_HEADERS: 'X-App-*, X-Version',
        API_KEY_PREFIX_LIVE: 'acme_',
        API_KEY_PREFIX_TEST: 'acmetest_',
        METRICS_HOST: '::',
        METRICS_PORT: '9000',
        CONSOLE_HOST: '::1',
        CONSOLE_PORT: '9001',
        DRAIN_SECONDS: '5',
      }),
    ).toEqual({
      databaseUrl: 'postgres://user:pw@db/tollbook',
      redisUrl: 'redis://cache:6379',
      jwtSecret: ' spaces count ',
      jwksUrl: 'https://id.example/keys',
      jwtIssuer: 'https://id.example',
      jwtAudience: 'tollbook',
      port: 0,
      adminUserIds: ['ann', 'bob'],
      corsOrigins: ['https://a.example', 'http://localhost:5173'],
      corsHeaders: ['X-App-*', 'X-Version'],
      keyPrefixes: { live: 'acme_', test: 'acmetest_' },
      metrics: { hostname: '::', port: 9000 },
      console: { hostname: '::1', port: 9001 },
      drainSeconds: 5,
    })
  })

  test('all problems are reported at once, without the secrets', () => {
    const problems = problemsOf(() =>
      readEnvironment({
        DATABASE_URL: 'mysql://user:secret@db',
        REDIS_URL: 'cache:secret',
        PORT: '70000',
        CORS_ORIGINS: 'https://a.example/,*',
        CORS_HEADERS: 'X-App:,*',
        API_KEY_PREFIX_LIVE: 'sk',
        API_KEY_PREFIX_TEST: 'sk test',
        METRICS_PORT: 'on',
      }),
    )
    expect(problems).toEqual([
      'DATABASE_URL: expected postgres://user:password@host:port/database, or host=… dbname=…',
      'REDIS_URL: expected redis://host:6379, redis+cluster://a:6379,b:6379 or redis+sentinel://a:26379,b:26379/master-name; with TLS, rediss',
      'PORT: expected an integer from 0 to 65535, got "70000"',
      'CORS_ORIGINS: expected origins such as https://example.com, got "https://a.example/"',
      'CORS_HEADERS: expected headers such as X-App-Version, X-App-* or *, got "X-App:"',
      'API_KEY_PREFIX_TEST: expected up to 32 letters, digits, - or _, got "sk test"',
      'API_KEY_PREFIX_TEST: must differ from API_KEY_PREFIX_LIVE, and neither begin the other',
      'METRICS_PORT: expected an integer from 0 to 65535, got "on"',
    ])
    expect(problems.join()).not.toContain('secret')
  })

  test('no API key begins as operator keys do', () => {
    const prefixes = { API_KEY_PREFIX_LIVE: 'sk_op_', API_KEY_PREFIX_TEST: 'sk_op_test_' }
    expect(problemsOf(() => readEnvironment(prefixes))).toEqual([
      'API_KEY_PREFIX_LIVE: must not begin with sk_op_, as operator keys do',
      'API_KEY_PREFIX_TEST: must not begin with sk_op_, as operator keys do',
      'API_KEY_PREFIX_TEST: must differ from API_KEY_PREFIX_LIVE, and neither begin the other',
    ])
  })

  test('metrics are served nowhere when they are switched off', () => {
    expect(readEnvironment({ METRICS_PORT: 'off' })).not.toHaveProperty('metrics')
  })

  test.each(['1e3', '-1', '80.5', '0x50'])('%p is no port', (port) => {
    expect(problemsOf(() => readEnvironment({ PORT: port }))).toHaveLength(1)
  })
})

describe("an upstream's address", () => {
  const echo = (service: string) => parse(withChange('{ url: http://127.0.0.1:9 }', service))
  const demos = { echo: 'http://127.0.0.1:7' }
  const demo = addressAt('http://127.0.0.1:7', true)
  const none = () => undefined

  test('is the one that is set, and test keys never reach it', () => {
    const config = echo('{ url: http://live.example }')
    expect(upstreamAddresses(config, demos, none).echo).toEqual({
      live: addressAt('http://live.example', false),
    })
  })

  test('is the demo where none is set and the demo runs', () => {
    const config = echo('{ urlEnv: ECHO_URL, demo: echo }')
    expect(upstreamAddresses(config, demos, none).echo).toEqual({ live: demo, test: demo })
  })

  test('test keys go to the demo unless the file says otherwise', () => {
    const live = addressAt('http://live.example', false)
    expect(
      upstreamAddresses(echo('{ url: http://live.example, demo: echo }'), demos, none).echo,
    ).toEqual({
      live,
      test: demo,
    })
    const withBoth = echo('{ url: http://live.example, testUrl: http://test.example, demo: echo }')
    expect(upstreamAddresses(withBoth, demos, none).echo).toEqual({
      live,
      test: addressAt('http://test.example', false),
    })
  })

  test('comes with its credentials, which print as nothing that could be read', () => {
    const service =
      '{ url: http://live.example, headers: { Authorization: { env: TOKEN, prefix: "Bearer " } } }'
    const { live } = upstreamAddresses(echo(service), demos, () => 's3cr3t-token\n').echo ?? {}
    expect(live?.credentials.headers[0]?.[1].reveal()).toBe('Bearer s3cr3t-token')
    for (const text of [JSON.stringify(live), Bun.inspect(live), `${live?.credentials.secrets}`]) {
      expect(text).toContain('[secret]')
      expect(text).not.toContain('s3cr3t')
    }
  })

  test.each([
    [undefined, 'no credential, set TOKEN'],
    [' ', 'no credential, set TOKEN'],
    ['s3cr3t\nX-Other: 1', 'TOKEN has characters that no header can carry'],
    ['s3cr3t-ü', 'TOKEN has characters that no header can carry'],
  ])(
    'without a credential that a header can carry, the error says so and not what it is: %p',
    (value, message) => {
      const service = '{ url: http://live.example, headers: { X-Token: { env: TOKEN } } }'
      expect(problemsOf(() => upstreamAddresses(echo(service), demos, () => value))).toEqual([
        `services.echo.headers.X-Token: ${message}`,
      ])
    },
  )

  test('without an address and without a running demo, the error says what to set', () => {
    expect(
      problemsOf(() => upstreamAddresses(echo('{ urlEnv: ECHO_URL, demo: echo }'), {}, none)),
    ).toEqual(['services.echo: no address, set ECHO_URL (or services.echo.url)'])
    expect(
      problemsOf(() => upstreamAddresses(echo('{ testUrl: http://a.example }'), demos, none)),
    ).toEqual(['services.echo: no address, set services.echo.url'])
  })
})
