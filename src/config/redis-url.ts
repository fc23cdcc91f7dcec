/**
 * Takes REDIS_URL apart: one server, a Cluster, or a master that Sentinels watch; each with TLS where the scheme is `rediss`.
 *
 *     redis://user:password@host:6379/0
 *     redis+cluster://user:password@a:6379,b:6379,c:6379
 *     redis+sentinel://user:password@a:26379,b:26379,c:26379/master-name/0?sentinelPassword=…
 */
import { didYouMean } from '../lib/did-you-mean.ts'

export interface RedisHost {
  readonly host: string
  readonly port: number
}

export interface RedisLogin {
  /** Absent: the user `default`. */
  readonly username?: string
  readonly password?: string
}

/** Files in PEM. */
interface RedisTls {
  /** Of the authorities that are trusted; absent: those that the program comes with. */
  readonly rootCertificate?: string
  readonly certificate?: string
  readonly key?: string
}

export interface RedisAddress {
  readonly kind: 'server' | 'cluster' | 'sentinel'
  /** The server; some nodes of the Cluster; the Sentinels. */
  readonly hosts: readonly RedisHost[]
  readonly login: RedisLogin
  readonly database: number
  /** Absent: connections are not encrypted. */
  readonly tls?: RedisTls
  /** Of kind `sentinel`: what the Sentinels call the master, and how one signs in to them. */
  readonly sentinel?: { readonly master: string; readonly login: RedisLogin }
}

/** The text is no address that can be used. The message says why, and never repeats a secret. */
export class BadRedisUrl extends Error {
  override readonly name = 'BadRedisUrl'
}

const forms =
  'redis://host:6379, redis+cluster://a:6379,b:6379 or redis+sentinel://a:26379,b:26379/master-name; with TLS, rediss'
const maxDatabase = 1_000_000

/** @throws BadRedisUrl */
export function parseRedisUrl(text: string): RedisAddress {
  const found =
    /^redis(s?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/?]*)@)?([^/?]*)(\/[^?]*)?(?:\?(.*))?$/s.exec(
      text,
    )
  if (!found) throw new BadRedisUrl(`expected ${forms}`)
  const [, secure, form = 'server', login, hostText = '', path = '', query] = found
  const kind = form as RedisAddress['kind']
  const parameters = readParameters(query, kind, secure === 's')
  const hosts = readHosts(hostText, kind)
  const tls = secure === 's' && tlsOf(parameters)
  const [first = '', ...more] = path
    .split('/')
    .slice(1)
    .map((part) => decoded('the path', part))
  const ending = { login: readLogin(login), ...(tls && { tls }) }
  if (kind !== 'sentinel') {
    if (more.length > 0) throw new BadRedisUrl('expected one number after the /, for the database')
    const database = readDatabase(first)
    if (kind === 'cluster' && database !== 0) {
      throw new BadRedisUrl('a Redis Cluster has no databases but number 0')
    }
    return { kind, hosts, database, ...ending }
  }
  if (first === '' || more.length > 1) {
    throw new BadRedisUrl('expected redis+sentinel://a:26379,b:26379/master-name')
  }
  const sentinelLogin = withoutUndefined(
    parameters.get('sentinelUsername'),
    parameters.get('sentinelPassword'),
  )
  return {
    ...{ kind, hosts, database: readDatabase(more[0] ?? ''), ...ending },
    sentinel: { master: first, login: sentinelLogin },
  }
}

/** As people write addresses. */
export function printRedisHost({ host, port }: RedisHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function readHosts(text: string, kind: RedisAddress['kind']): RedisHost[] {
  const hosts = text.split(',').map((part) => readHost(part, kind === 'sentinel' ? 26_379 : 6_379))
  if (kind === 'server' && hosts.length > 1) {
    throw new BadRedisUrl(
      'redis:// is one server: for several, write redis+cluster:// or redis+sentinel://',
    )
  }
  return hosts
}

function readHost(text: string, defaultPort: number): RedisHost {
  const found = /^(?:\[([\da-f:.]+)\]|([^:@[\]\s]+))(?::(\d{1,5}))?$/i.exec(text)
  const port = Number(found?.[3] ?? defaultPort)
  if (!found || port < 1 || port > 65_535) {
    throw new BadRedisUrl(
      'a host or a port cannot be read. In a password, write %40 for @, %2F for /, %3A for : and %25 for %; an IPv6 address stands in [ ]',
    )
  }
  return { host: found[1] ?? decoded('the host', found[2] ?? ''), port }
}

function readLogin(text: string | undefined): RedisLogin {
  if (!text) return {}
  const at = text.indexOf(':')
  if (at < 0) throw new BadRedisUrl('expected user:password or :password before the @')
  return withoutUndefined(
    decoded('the user', text.slice(0, at)),
    decoded('the password', text.slice(at + 1)),
  )
}

function readDatabase(text: string): number {
  if (text === '') return 0
  const database = Number(text)
  if (/^\d+$/.test(text) && database <= maxDatabase) return database
  throw new BadRedisUrl('the database after the / is a number, such as 0')
}

function readParameters(
  query: string | undefined,
  kind: RedisAddress['kind'],
  isSecure: boolean,
): Map<string, string> {
  const known = [
    ...(isSecure ? ['sslrootcert', 'sslcert', 'sslkey'] : []),
    ...(kind === 'sentinel' ? ['sentinelUsername', 'sentinelPassword'] : []),
  ]
  const parameters = new Map<string, string>()
  for (const pair of query ? query.split('&') : []) {
    const at = pair.indexOf('=')
    if (at < 1) throw new BadRedisUrl('expected name=value after ?, with & between them')
    const name = decoded('a name', pair.slice(0, at))
    if (!known.includes(name)) throw new BadRedisUrl(unknown(name, known))
    parameters.set(name, decoded(name, pair.slice(at + 1)))
  }
  return parameters
}

/** What stands where a name should be may be the rest of a password. */
function unknown(name: string, known: readonly string[]): string {
  const meant = didYouMean(name, known)
  if (!meant && !/^(ssl|sentinel)[a-z_]{0,32}$/i.test(name)) {
    return 'there is no parameter of such a name. In a password, write %3F for ?'
  }
  if (/^ssl/i.test(name) && !meant && !known.includes('sslcert'))
    return `${name} is for TLS: write rediss instead of redis`
  return `there is no parameter ${name}${meant ? `: did you mean ${meant}?` : ''}`
}

function tlsOf(parameters: ReadonlyMap<string, string>): RedisTls {
  const [rootCertificate, certificate, key] = ['sslrootcert', 'sslcert', 'sslkey'].map((name) =>
    parameters.get(name),
  )
  if ((certificate === undefined) !== (key === undefined)) {
    throw new BadRedisUrl('sslcert and sslkey belong together: a certificate and its key')
  }
  return {
    ...(rootCertificate !== undefined && { rootCertificate }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  }
}

function withoutUndefined(username: string | undefined, password: string | undefined): RedisLogin {
  return { ...(username && { username }), ...(password && { password }) }
}

function decoded(name: string, value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new BadRedisUrl(`${name} has a % that is no escape: write %25 for %`)
  }
}
