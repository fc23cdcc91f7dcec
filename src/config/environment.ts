/**
 * What comes from environment variables: secrets and addresses, which do not belong in a file. Read
 * once at start. The services' addresses are read by load-config.ts, since the file names their variables.
 */

import { ConfigError, type ConfigProblem, printValue } from './config-error.ts'
import type { Env } from './load-config.ts'

export interface Environment {
  readonly databaseUrl?: string
  /** Absent: rate windows live in the process. */
  readonly redisUrl?: string
  readonly jwtSecret?: string
  readonly jwksUrl?: string
  readonly jwtIssuer?: string
  readonly jwtAudience?: string
  /** 0 takes a free one. */
  readonly port: number
  /** Subjects that are admins whatever their token says. */
  readonly adminUserIds: readonly string[]
  /** Origins whose pages may call; `*` alone means all. */
  readonly corsOrigins: readonly string[]
  readonly keyPrefixes: { readonly live: string; readonly test: string }
  /** Where metrics are served; absent: nowhere. */
  readonly metrics?: MetricsAddress
  /** How long a gateway that was told to stop still takes calls, for what is in front of it to notice. */
  readonly drainSeconds: number
}

export interface MetricsAddress {
  readonly hostname: string
  /** 0 takes a free one. */
  readonly port: number
}

/** @throws ConfigError with every problem found; secrets are never repeated in it */
export function readEnvironment(env: Env): Environment {
  const problems: ConfigProblem[] = []
  const fail = (path: string, message: string) => problems.push({ path, message })
  const read = (name: string) => env[name]?.trim() || undefined

  const environment = withoutUndefined({
    databaseUrl: readUrl('DATABASE_URL', ['postgres:', 'postgresql:']),
    redisUrl: readUrl('REDIS_URL', ['redis:', 'rediss:']),
    jwtSecret: env.JWT_SECRET || undefined,
    jwksUrl: readUrl('JWKS_URL', ['https:', 'http:']),
    jwtIssuer: read('JWT_ISSUER'),
    jwtAudience: read('JWT_AUDIENCE'),
    port: readPort('PORT', '3030'),
    adminUserIds: readList('ADMIN_USER_IDS'),
    corsOrigins: readOrigins(),
    keyPrefixes: readKeyPrefixes(),
    metrics: readMetrics(),
    drainSeconds: readInteger('DRAIN_SECONDS', '0', 3_600),
  })
  if (problems.length > 0) throw new ConfigError('environment', problems)
  return environment

  function readUrl(name: string, protocols: readonly string[]): string | undefined {
    const text = read(name)
    if (text === undefined) return undefined
    const protocol = URL.canParse(text) ? new URL(text).protocol : undefined
    if (protocol === undefined || !protocols.includes(protocol)) {
      fail(name, `expected a URL that begins with ${protocols[0]}//`)
    }
    return text
  }

  function readPort(name: string, usual: string): number {
    return readInteger(name, usual, 65_535)
  }

  function readInteger(name: string, usual: string, most: number): number {
    const text = read(name) ?? usual
    const number = Number(text)
    if (/^\d+$/.test(text) && number <= most) return number
    fail(name, `expected an integer from 0 to ${most}, got ${printValue(text)}`)
    return 0
  }

  function readMetrics(): MetricsAddress | undefined {
    if (read('METRICS_PORT') === 'off') return undefined
    // They say how much is sold: nobody's business but of whoever was given an address to ask at.
    const hostname = read('METRICS_HOST') ?? '127.0.0.1'
    return { hostname, port: readPort('METRICS_PORT', '9464') }
  }

  function readList(name: string): string[] {
    const items = (env[name] ?? '').split(',').map((item) => item.trim())
    return items.filter((item) => item !== '')
  }

  function readOrigins(): string[] {
    const origins = readList('CORS_ORIGINS')
    for (const origin of origins) {
      // Browsers send exactly this form, and what differs from it by a slash would never match.
      if (origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)) continue
      fail(
        'CORS_ORIGINS',
        `expected origins such as https://example.com, got ${printValue(origin)}`,
      )
    }
    return origins
  }

  function readKeyPrefixes() {
    const live = read('API_KEY_PREFIX_LIVE') ?? 'sk_live_'
    const test = read('API_KEY_PREFIX_TEST') ?? 'sk_test_'
    for (const [name, prefix] of [
      ['API_KEY_PREFIX_LIVE', live],
      ['API_KEY_PREFIX_TEST', test],
    ] as const) {
      if (/^[A-Za-z0-9_-]{1,32}$/.test(prefix)) continue
      fail(name, `expected up to 32 letters, digits, - or _, got ${printValue(prefix)}`)
    }
    if (live.startsWith(test) || test.startsWith(live)) {
      fail(
        'API_KEY_PREFIX_TEST',
        'must differ from API_KEY_PREFIX_LIVE, and neither begin the other',
      )
    }
    return { live, test }
  }
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function withoutUndefined<T extends object>(object: T): Defined<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}
