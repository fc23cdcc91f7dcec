/**
 * What comes from environment variables: secrets and addresses, which do not belong in a file. They are read once at
 * start. load-config.ts reads the upstreams' addresses, since the file names their variables.
 */

import { BadConnectionString } from '../ledger/connection/connection-string.ts'
import { parseDatabaseUrl, resolveDatabaseUrl } from '../ledger/connection/parse-database-url.ts'
import { ConfigError, type ConfigProblem, printValue } from './config-error.ts'
import type { Env } from './load-config.ts'
import { operatorKeyPrefix } from './operator-key-prefix.ts'
import { BadRedisUrl, parseRedisUrl } from './redis-url.ts'

export interface Environment {
  readonly databaseUrl?: string
  /** Of the login for management, where it is not the same. */
  readonly managementDatabaseUrl?: string
  /** Of the login for owners' routes, where it is not the same. */
  readonly portalDatabaseUrl?: string
  /** Of a standby that reports read; absent: they read the primary. */
  readonly reportsDatabaseUrl?: string
  /** Absent: rate limits are counted in the process. */
  readonly redisUrl?: string
  readonly jwtSecret?: string
  /** Tokens that are signed with it are accepted, too: while one secret replaces another. */
  readonly jwtOtherSecret?: string
  readonly jwksUrl?: string
  readonly jwtIssuer?: string
  readonly jwtAudience?: string
  /** How browsers sign in to the portal and the console. Absent: at no identity provider. */
  readonly oidc?: OidcEnvironment
  /** 0 takes a free port. */
  readonly port: number
  /** Subjects of tokens that are operators, whatever role the token names. */
  readonly adminUserIds: readonly string[]
  /** Origins whose pages may call; `*` alone means all. */
  readonly corsOrigins: readonly string[]
  /** Headers that these pages may send, beside those that the gateway knows; `X-App-*` is all that begin so. */
  readonly corsHeaders?: readonly string[]
  readonly keyPrefixes: { readonly live: string; readonly test: string }
  /** Where metrics are served. Absent: nowhere. */
  readonly metrics?: ListenAddress
  /** Where the operators' console is served. Absent: nowhere. */
  readonly console?: ConsoleEnvironment
  /** How long a stopping gateway still takes calls, so that a load balancer in front of it can notice. */
  readonly drainSeconds: number
}

export interface OidcEnvironment {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string
  /** Where browsers reach the portal. */
  readonly publicUrl: string
}

export interface ConsoleEnvironment extends ListenAddress {
  /** Where browsers reach the console. Absent: nobody signs in to it at an identity provider. */
  readonly publicUrl?: string
}

export interface ListenAddress {
  readonly hostname: string
  /** 0 takes a free port. */
  readonly port: number
}

/** The variables, and what is found wrong with them. */
interface Source {
  readonly env: Env
  readonly problems: ConfigProblem[]
}

/** @throws ConfigError with every problem found; secrets are never repeated in it */
export function readEnvironment(env: Env): Environment {
  const source: Source = { env, problems: [] }
  const environment = withoutUndefined({
    databaseUrl: readDatabaseUrl(source, 'DATABASE_URL'),
    managementDatabaseUrl: readDatabaseUrl(source, 'MANAGEMENT_DATABASE_URL'),
    portalDatabaseUrl: readDatabaseUrl(source, 'PORTAL_DATABASE_URL'),
    reportsDatabaseUrl: readStandbyUrl(source, 'REPORTS_DATABASE_URL'),
    redisUrl: readRedisUrl(source, 'REDIS_URL'),
    jwtSecret: env.JWT_SECRET || undefined,
    jwtOtherSecret: readOtherSecret(source),
    jwksUrl: readUrl(source, 'JWKS_URL', ['https:', 'http:']),
    jwtIssuer: readText(source, 'JWT_ISSUER'),
    jwtAudience: readText(source, 'JWT_AUDIENCE'),
    oidc: readOidc(source),
    port: readPort(source, 'PORT', '3030'),
    adminUserIds: readList(source, 'ADMIN_USER_IDS'),
    corsOrigins: readOrigins(source),
    corsHeaders: readHeaders(source),
    keyPrefixes: readKeyPrefixes(source),
    metrics: readAddress(source, 'METRICS', '9464'),
    console: readConsole(source),
    drainSeconds: readInteger(source, 'DRAIN_SECONDS', '0', 3_600),
  })
  if (source.problems.length > 0) throw new ConfigError('environment', source.problems)
  return environment
}

function readText({ env }: Source, name: string): string | undefined {
  return env[name]?.trim() || undefined
}

function readOtherSecret(source: Source): string | undefined {
  const secret = source.env.JWT_OTHER_SECRET || undefined
  if (secret !== undefined && !source.env.JWT_SECRET) {
    addProblem(source, 'JWT_OTHER_SECRET', 'expected JWT_SECRET beside it, which signs tokens')
  }
  return secret
}

function readUrl(source: Source, name: string, protocols: readonly string[]): string | undefined {
  const text = readText(source, name)
  if (text === undefined) return undefined
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined
  if (protocol === undefined || !protocols.includes(protocol)) {
    addProblem(source, name, `expected a URL that begins with ${protocols[0]}//`)
  }
  return text
}

/** All of it or nothing: half a sign-in is none. */
function readOidc(source: Source): OidcEnvironment | undefined {
  const issuer = readSafeUrl(source, 'OIDC_ISSUER')
  const clientId = readText(source, 'OIDC_CLIENT_ID')
  const clientSecret = readText(source, 'OIDC_CLIENT_SECRET')
  const publicUrl = readOrigin(source, 'PUBLIC_URL')
  if (issuer === undefined && clientId === undefined && clientSecret === undefined) return undefined
  const needed = { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, PUBLIC_URL: publicUrl }
  for (const [name, value] of Object.entries(needed)) {
    if (value === undefined) addProblem(source, name, 'signing in at an identity provider needs it')
  }
  if (issuer === undefined || clientId === undefined || publicUrl === undefined) return undefined
  return { issuer, clientId, publicUrl, ...(clientSecret !== undefined && { clientSecret }) }
}

/** Where browsers reach a site. */
function readOrigin(source: Source, name: 'PUBLIC_URL' | 'CONSOLE_URL'): string | undefined {
  const url = readSafeUrl(source, name)
  if (url !== undefined && URL.canParse(url) && new URL(url).pathname !== '/') {
    const message = 'expected an origin such as https://api.example.com, without a path'
    addProblem(source, name, message)
  }
  return url
}

/** Browsers and secrets pass there: without TLS only on this machine. */
function readSafeUrl(source: Source, name: string): string | undefined {
  const text = readUrl(source, name, ['https:', 'http:'])
  if (text === undefined || !URL.canParse(text)) return text
  const { protocol, hostname } = new URL(text)
  if (protocol === 'http:' && !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)) {
    addProblem(source, name, 'expected a URL that begins with https://, or one of this machine')
  }
  return text
}

function readDatabaseUrl(source: Source, name: string): string | undefined {
  const text = readText(source, name)
  if (text === undefined) return undefined
  try {
    return resolveDatabaseUrl(text, source.env)
  } catch (error) {
    if (!(error instanceof BadConnectionString)) throw error
    addProblem(source, name, error.message)
    return undefined
  }
}

/** Of one server: whoever says how far it has come has to be the one that is read. */
function readStandbyUrl(source: Source, name: string): string | undefined {
  const url = readDatabaseUrl(source, name)
  if (url !== undefined && parseDatabaseUrl(url).hosts.length > 1) {
    addProblem(source, name, 'expected one host, the standby')
  }
  return url
}

function readRedisUrl(source: Source, name: string): string | undefined {
  const text = readText(source, name)
  if (text === undefined) return undefined
  try {
    parseRedisUrl(text)
  } catch (error) {
    if (!(error instanceof BadRedisUrl)) throw error
    addProblem(source, name, error.message)
  }
  return text
}

function readPort(source: Source, name: string, byDefault: string): number {
  return readInteger(source, name, byDefault, 65_535)
}

function readInteger(source: Source, name: string, byDefault: string, max: number): number {
  const text = readText(source, name) ?? byDefault
  const number = Number(text)
  if (/^\d+$/.test(text) && number <= max) return number
  addProblem(source, name, `expected an integer from 0 to ${max}, got ${printValue(text)}`)
  return 0
}

/** Metrics reveal how much is sold, and the console changes it, so by default only this machine can reach them. */
function readAddress(
  source: Source,
  name: 'METRICS' | 'CONSOLE',
  port: string,
): ListenAddress | undefined {
  if (readText(source, `${name}_PORT`) === 'off') return undefined
  const hostname = readText(source, `${name}_HOST`) ?? '127.0.0.1'
  return { hostname, port: readPort(source, `${name}_PORT`, port) }
}

function readConsole(source: Source): ConsoleEnvironment | undefined {
  const address = readAddress(source, 'CONSOLE', '9470')
  const publicUrl = readOrigin(source, 'CONSOLE_URL')
  if (publicUrl !== undefined && readText(source, 'OIDC_ISSUER') === undefined) {
    addProblem(source, 'CONSOLE_URL', 'signing in there needs OIDC_ISSUER')
  }
  return address && { ...address, ...(publicUrl !== undefined && { publicUrl }) }
}

function readList({ env }: Source, name: string): string[] {
  const parts = (env[name] ?? '').split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

function readOrigins(source: Source): string[] {
  const origins = readList(source, 'CORS_ORIGINS')
  for (const origin of origins) {
    // Browsers send exactly this form. An origin with a slash at its end would never match.
    if (origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)) continue
    const message = `expected origins such as https://example.com, got ${printValue(origin)}`
    addProblem(source, 'CORS_ORIGINS', message)
  }
  return origins
}

function readHeaders(source: Source): string[] | undefined {
  const headers = readList(source, 'CORS_HEADERS')
  for (const header of headers) {
    if (/^([A-Za-z0-9_-]+\*?|\*)$/.test(header)) continue
    const message = `expected headers such as X-App-Version, X-App-* or *, got ${printValue(header)}`
    addProblem(source, 'CORS_HEADERS', message)
  }
  return headers.length === 0 ? undefined : headers
}

function readKeyPrefixes(source: Source) {
  const live = readText(source, 'API_KEY_PREFIX_LIVE') ?? 'sk_live_'
  const test = readText(source, 'API_KEY_PREFIX_TEST') ?? 'sk_test_'
  for (const [name, prefix] of [
    ['API_KEY_PREFIX_LIVE', live],
    ['API_KEY_PREFIX_TEST', test],
  ] as const) {
    if (prefix.startsWith(operatorKeyPrefix)) {
      addProblem(source, name, `must not begin with ${operatorKeyPrefix}, as operator keys do`)
    }
    if (/^[A-Za-z0-9_-]{1,32}$/.test(prefix)) continue
    const message = `expected up to 32 letters, digits, - or _, got ${printValue(prefix)}`
    addProblem(source, name, message)
  }
  if (live.startsWith(test) || test.startsWith(live)) {
    const message = 'must differ from API_KEY_PREFIX_LIVE, and neither begin the other'
    addProblem(source, 'API_KEY_PREFIX_TEST', message)
  }
  return { live, test }
}

function addProblem({ problems }: Source, path: string, message: string): void {
  problems.push({ path, message })
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function withoutUndefined<T extends object>(object: T): Defined<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}
