/**
 * What a connection string and the PG… variables mean, as PostgreSQL's own programs read them. Every command uses this. What
 * cannot be done here is refused by its name, for a parameter that protects must not be ignored.
 */
import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { didYouMean } from '../../lib/did-you-mean.ts'
import { addParameters, BadConnectionString, splitConnectionString } from './connection-string.ts'
import type {
  DatabaseAddress,
  Host,
  ServerKind,
  Tls,
  TlsMode,
  TlsVersion,
} from './database-address.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Parameters that are read, with the variable that stands in for each. */
const variables = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  application_name: 'PGAPPNAME',
  fallback_application_name: undefined,
  options: 'PGOPTIONS',
  keepalives_idle: undefined,
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: undefined,
  sslsni: 'PGSSLSNI',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
} as const

/** Parameters of which only some values can be had, all of them the way things are anyway. */
const onlyValues: Readonly<Record<string, { variable?: string; values: readonly string[] }>> = {
  channel_binding: { variable: 'PGCHANNELBINDING', values: ['disable', 'prefer'] },
  gssencmode: { variable: 'PGGSSENCMODE', values: ['disable', 'prefer'] },
  client_encoding: { variable: 'PGCLIENTENCODING', values: ['UTF8', 'UTF-8', 'utf8', 'utf-8'] },
  load_balance_hosts: { variable: 'PGLOADBALANCEHOSTS', values: ['disable'] },
  sslcompression: { variable: 'PGSSLCOMPRESSION', values: ['0'] },
  sslcertmode: { variable: 'PGSSLCERTMODE', values: ['allow'] },
  keepalives: { values: ['1'] },
}

/** Parameters of libpq that cannot be had at all. Those with a variable are refused in the environment, too. */
const refused: Readonly<Record<string, string | undefined>> = {
  service: 'PGSERVICE',
  servicefile: undefined,
  passfile: undefined,
  require_auth: 'PGREQUIREAUTH',
  requirepeer: 'PGREQUIREPEER',
  sslcrl: 'PGSSLCRL',
  sslcrldir: 'PGSSLCRLDIR',
  sslkeylogfile: undefined,
  requiressl: undefined,
  min_protocol_version: undefined,
  max_protocol_version: undefined,
  krbsrvname: undefined,
  gsslib: undefined,
  gssdelegation: undefined,
  replication: undefined,
  keepalives_interval: undefined,
  keepalives_count: undefined,
  tcp_user_timeout: undefined,
  scram_client_key: undefined,
  scram_server_key: undefined,
}

const tlsModes: readonly TlsMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full']
const tlsVersions: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']
const serverKinds: readonly ServerKind[] = [
  'any',
  'primary',
  'standby',
  'prefer-standby',
  'read-write',
  'read-only',
]

const defaultPort = 5432
const defaultConnectTimeoutSeconds = 5
const defaultKeepAliveSeconds = 10

/**
 * A connection string together with what the environment says beside it, as one connection string.
 * @throws BadConnectionString, whose message says what to write instead
 */
export function resolveDatabaseUrl(text: string, env: Env): string {
  const given = splitConnectionString(text)
  refuseVariables(given, env)
  const more = Object.entries(variables).flatMap(([name, variable]): [string, string][] => {
    const value = variable && env[variable]
    return value && !given.has(name) ? [[name, value]] : []
  })
  const resolved = addParameters(text, more)
  parseDatabaseUrl(resolved)
  return resolved
}

/** @throws BadConnectionString, whose message says what to write instead */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const given = splitConnectionString(text)
  refuseParameters(given)
  const read = (name: keyof typeof variables): string | undefined => given.get(name)
  const hosts = hostsOf(read('host'), read('hostaddr'), read('port'))
  const user = read('user') ?? ownName()
  return {
    hosts,
    user,
    database: read('dbname') ?? user,
    password: read('password') ?? '',
    tls: tlsOf(read),
    // A ledger is written to on the primary only, so of several servers that one is meant.
    server:
      oneOf('target_session_attrs', read('target_session_attrs'), serverKinds) ??
      (hosts.length > 1 ? 'primary' : 'any'),
    connectTimeoutSeconds:
      seconds('connect_timeout', read('connect_timeout')) ?? defaultConnectTimeoutSeconds,
    keepAliveSeconds:
      seconds('keepalives_idle', read('keepalives_idle')) ?? defaultKeepAliveSeconds,
    applicationName: read('application_name') ?? read('fallback_application_name'),
    options: read('options'),
  }
}

function ownName(): string {
  try {
    return userInfo().username
  } catch {
    // A container can run as a number that has no name.
    throw new BadConnectionString('it names no user')
  }
}

function refuseParameters(given: ReadonlyMap<string, string>): void {
  for (const [name, value] of given) {
    if (name in variables) continue
    const only = onlyValues[name]
    if (only) refuseOtherValues(name, value, only.values)
    else if (name in refused)
      throw new BadConnectionString(`${name} is not supported: leave it out`)
    else throw new BadConnectionString(`there is no parameter ${unknownName(name)}`)
  }
}

function refuseVariables(given: ReadonlyMap<string, string>, env: Env): void {
  for (const [name, { variable, values }] of Object.entries(onlyValues)) {
    const value = variable && env[variable]
    if (value && !given.has(name))
      refuseOtherValues(`in the environment, ${variable}`, value, values)
  }
  for (const variable of Object.values(refused)) {
    if (variable && env[variable]) {
      throw new BadConnectionString(`${variable} in the environment is not supported: unset it`)
    }
  }
}

function refuseOtherValues(name: string, value: string, values: readonly string[]): void {
  if (values.includes(value)) return
  throw new BadConnectionString(
    `${name}=${shown(value)} is not supported: leave it out, or use ${values[0]}`,
  )
}

/** What stands where a name should be may be the rest of a password. */
function unknownName(name: string): string {
  if (!/^[a-z_]{1,40}$/i.test(name)) return 'of such a name'
  const known = didYouMean(name, [...Object.keys(variables), ...Object.keys(onlyValues)])
  return known ? `${name}: did you mean ${known}?` : name
}

function hostsOf(hostText = '', addressText = '', portText = ''): Host[] {
  const names = hostText.split(',')
  const addresses = addressText === '' ? [] : addressText.split(',')
  const count = Math.max(names.length, addresses.length)
  if (addresses.length > 0 && hostText !== '' && names.length !== addresses.length) {
    throw new BadConnectionString(
      `hostaddr has ${addresses.length} entries, host has ${names.length}`,
    )
  }
  const ports = portText.split(',')
  if (ports.length !== 1 && ports.length !== count) {
    throw new BadConnectionString(`there are ${ports.length} ports for ${count} hosts`)
  }
  return Array.from({ length: count }, (_, i) => {
    const address = addresses[i]
    const name = names[i] || address || 'localhost'
    if (/[@\s]/.test(name)) throw new BadConnectionString('a host cannot be read')
    const port = portOf((ports.length === 1 ? ports[0] : ports[i]) ?? '')
    return { name, port, ...(address && { address }) }
  })
}

function portOf(text: string): number {
  if (text === '') return defaultPort
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new BadConnectionString('a port is no number from 1 to 65535')
}

function tlsOf(read: (name: keyof typeof variables) => string | undefined): Tls {
  const roots = read('sslrootcert') ?? defaultRoots()
  const given = read('sslmode')
  if (given === 'allow') {
    throw new BadConnectionString('sslmode=allow is not supported: use prefer, or verify-full')
  }
  const asked = oneOf('sslmode', given, tlsModes) ?? (roots === 'system' ? 'verify-full' : 'prefer')
  if (roots === 'system' && asked !== 'verify-full') {
    throw new BadConnectionString(`sslrootcert=system needs sslmode=verify-full`)
  }
  // As in libpq, naming the roots is asking for the check.
  const mode = asked === 'require' && roots !== undefined ? 'verify-ca' : asked
  if (mode.startsWith('verify') && roots === undefined) {
    throw new BadConnectionString(
      `sslmode=${mode} needs sslrootcert=FILE with the root certificates, or sslrootcert=system`,
    )
  }
  const direct =
    oneOf('sslnegotiation', read('sslnegotiation'), ['postgres', 'direct']) === 'direct'
  if (direct && (mode === 'disable' || mode === 'prefer')) {
    throw new BadConnectionString('sslnegotiation=direct needs sslmode=require or more')
  }
  return {
    mode,
    direct,
    rootCertificate: roots,
    certificate: read('sslcert'),
    key: read('sslkey'),
    keyPassword: read('sslpassword'),
    minVersion:
      oneOf('ssl_min_protocol_version', read('ssl_min_protocol_version'), tlsVersions) ?? 'TLSv1.2',
    maxVersion:
      oneOf('ssl_max_protocol_version', read('ssl_max_protocol_version'), tlsVersions) ?? 'TLSv1.3',
    sendsServerName: oneOf('sslsni', read('sslsni'), ['0', '1']) !== '0',
  }
}

/** Where libpq looks for them. */
function defaultRoots(): string | undefined {
  const file = join(homedir(), '.postgresql', 'root.crt')
  return existsSync(file) ? file : undefined
}

function oneOf<T extends string>(
  name: string,
  value: string | undefined,
  values: readonly T[],
): T | undefined {
  if (value === undefined) return undefined
  const found = values.find((one) => one === value)
  if (found !== undefined) return found
  throw new BadConnectionString(`${name}=${shown(value)} is none of ${values.join(', ')}`)
}

/** 0 is no limit in libpq, and no wait may be without one. */
function seconds(name: string, value: string | undefined): number | undefined {
  if (value === undefined || value === '0') return undefined
  const number = Number(value)
  if (/^\d{1,6}$/.test(value)) return number
  throw new BadConnectionString(`${name} is no number of seconds`)
}

function shown(value: string): string {
  return /^[\w.-]{1,40}$/.test(value) ? value : '…'
}
