/** What to do about a Redis that cannot be used, by what it or the system says. */
import type { RedisAddress } from '../../config/redis-url.ts'

const meanwhile = 'until then each gateway admits a part of each rate limit by itself.'

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function adviceOn(error: unknown, { tls }: Pick<RedisAddress, 'tls'>): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = `${code} ${reasonOf(error)}`
  const [, advice] = known.find(([sign]) => sign.test(text)) ?? []
  if (advice) return `${advice}; ${meanwhile}`
  if (tls && /did not respond|closed|WRONG_VERSION/i.test(text)) {
    return `Start it, or write redis instead of rediss where it offers no TLS; ${meanwhile}`
  }
  if (!tls && /ECONNRESET|closed/i.test(text)) {
    return `Write rediss instead of redis in REDIS_URL where it takes TLS alone; ${meanwhile}`
  }
  return `Start it or correct REDIS_URL; ${meanwhile}`
}

const known: readonly (readonly [RegExp, string])[] = [
  [/WRONGPASS|NOAUTH|ERR AUTH/, 'Correct the user and the password in REDIS_URL'],
  [/NOPERM/, 'Give the user the rights that docs/DEPLOY.md lists'],
  [/DB index/, 'Write the number of a database that it has after the / in REDIS_URL'],
  [/MOVED|node of a Redis Cluster/, 'Write redis+cluster:// and some of its nodes in REDIS_URL'],
  [
    /cluster support disabled/,
    'It is no Cluster: write redis:// or redis+sentinel:// in REDIS_URL',
  ],
  [
    /this is a Sentinel/,
    'Write redis+sentinel:// with all Sentinels and the name of the master in REDIS_URL',
  ],
  [
    /No such master/,
    'Write the name that the Sentinels know (SENTINEL MASTERS) after the / in REDIS_URL',
  ],
  [
    /unknown command 'SENTINEL'/i,
    'It is no Sentinel: write redis:// or redis+cluster:// in REDIS_URL',
  ],
  [
    /READONLY|replica, which/,
    'Write the address of its master in REDIS_URL, or that of its Sentinels',
  ],
  [/NOREPLICAS/, 'Start a replica: the master takes nothing without one'],
  [/OOM/, 'Give it more memory (maxmemory)'],
  [/ALTNAME/, 'Write the host in REDIS_URL as its certificate has it'],
  [
    /SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|UNKNOWN_CA/,
    'Name the authority of its certificate: ?sslrootcert=FILE',
  ],
  [/CERTIFICATE_REQUIRED/, 'Name a certificate and its key: ?sslcert=FILE&sslkey=FILE'],
  [/CERT_HAS_EXPIRED/, 'Renew its certificate'],
  [/ENOENT/, 'Correct the name of the file in REDIS_URL'],
]
