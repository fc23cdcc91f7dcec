import { maxAmount, maxInteger } from '../../events/bounds.ts'
import { isTime } from '../../events/time.ts'
import type { KeyPrefixes } from '../gate/authenticate/key-format.ts'
import { invalidIpEntries } from '../gate/authorize/client-ip.ts'
import type { Owner } from '../lib/ids.ts'
import { printable as printableText } from '../lib/printable-text.ts'
import type { OldKey } from './old-database.ts'

/** A key of the replaced service with its own limits, before those of its account are known. */
export interface ReadKey {
  readonly keyId: string
  readonly owner: Owner
  readonly mode: 'live' | 'test'
  readonly hash: string
  readonly display: string
  readonly tier: string
  readonly name: string
  readonly description: string | null
  readonly allowedIps: readonly string[]
  readonly createdBy: string | null
  /** Permissions; null: all that the plan gives. */
  readonly endpoints: readonly string[] | null
  readonly rateLimit: number | null
  readonly monthlyCredits: number | null
  readonly enabled: boolean
  readonly expiresAt: string | null
  readonly createdAt: string
  /** Neither disabled nor expired. */
  readonly usable: boolean
  /** Credits used in the present UTC month. */
  readonly used: number
  readonly lastUsedAt: string | null
}

export interface Conflict {
  readonly problem: string
  readonly advice: string
}

export interface Terms {
  /** Names of the plans of the tariff in force. */
  readonly plans: readonly string[]
  readonly permissions: readonly string[]
  readonly prefixes: KeyPrefixes
  readonly now: Date
}

/** Reads a key of the replaced service, or says why it cannot be a key of this ledger. */
export function readOldKey(old: OldKey, terms: Terms): ReadKey | Conflict {
  const identity = readIdentity(old, terms)
  if (isConflict(identity)) return identity
  const tier = old.tier ?? ''
  if (!terms.plans.includes(tier)) {
    return conflict(
      `its tier "${tier}" is no plan of the tariff in force (${terms.plans.join(', ')})`,
      'add the plan to tollbook.yaml and publish it, or change the tier',
    )
  }
  const access = readAccess(old, terms)
  if (isConflict(access)) return access
  const hasRateLimit = isCount(old.rateLimit, 1, maxInteger)
  if (!hasRateLimit || !isCount(old.monthlyCredits, 0, maxAmount)) {
    const field = hasRateLimit ? 'monthly_credits' : 'rate_limit'
    return conflict(`its ${field} cannot be a limit`, `set ${field} to a number, or to null`)
  }
  const times = [old.expiresAt, old.createdAt, old.lastUsedAt]
  if (times.some((time) => time !== null && !isTime(printable(time)))) {
    return conflict(
      'one of its times is before 1970 or not before 2200',
      'correct it, or set it to null',
    )
  }
  const { now } = terms
  return {
    ...identity,
    ...access,
    tier,
    // What the replaced service took, and no key may have here.
    name: printableText(old.name || 'Imported key'),
    description: old.description && printableText(old.description),
    createdBy: identity.owner.kind === 'organisation' ? old.userId : null,
    rateLimit: old.rateLimit,
    monthlyCredits: old.monthlyCredits,
    enabled: old.active,
    expiresAt: old.expiresAt?.toISOString() ?? null,
    createdAt: (old.createdAt ?? now).toISOString(),
    usable: old.active && !(old.expiresAt && old.expiresAt <= now),
    used: usedThisMonth(old, now),
    lastUsedAt: old.lastUsedAt?.toISOString() ?? null,
  }
}

type Identity = Pick<ReadKey, 'keyId' | 'owner' | 'mode' | 'hash' | 'display'>

function readIdentity(old: OldKey, { prefixes }: Terms): Identity | Conflict {
  if (!/^[0-9A-Za-z_-]{1,64}$/.test(old.id)) {
    return conflict('its id cannot be an id here', 'give it one of letters, digits, - and _')
  }
  const hash = old.hash?.trim().toLowerCase() ?? ''
  if (hash === '') {
    return conflict(
      'it has no hash',
      'set key_hash to the hex SHA-256 of the key, in that database',
    )
  }
  if (!/^[0-9a-f]{64}$/.test(hash)) {
    return conflict('its hash is no hex SHA-256', 'correct key_hash in that database')
  }
  const mode = modeOf(old.prefix ?? '', prefixes)
  if (!mode) {
    return conflict(
      `its prefix "${old.prefix ?? ''}" is not one of this gateway's`,
      'set API_KEY_PREFIX_LIVE and API_KEY_PREFIX_TEST as they were set there',
    )
  }
  const owner = ownerOf(old)
  if (!owner) return conflict('it belongs to nobody', 'set user_id or organization_id')
  return { keyId: old.id, owner, mode, hash, display: `${prefixes[mode]}…${old.ending ?? ''}` }
}

function readAccess(
  old: OldKey,
  { permissions }: Terms,
): Pick<ReadKey, 'endpoints' | 'allowedIps'> | Conflict {
  const endpoints = listOf(old.allowedEndpoints)
  const allowedIps = listOf(old.allowedIps)
  if (!endpoints || !allowedIps) {
    const field = endpoints ? 'allowed_ips' : 'allowed_endpoints'
    return conflict(`${field} is not a JSON list of texts`, `correct ${field}`)
  }
  const [badIp] = invalidIpEntries(allowedIps)
  if (badIp !== undefined) {
    return conflict(
      `"${badIp}" in allowed_ips is neither an address nor a CIDR range`,
      'correct it: left out, it could lock somebody out or let everybody in',
    )
  }
  const everything = endpoints.length === 0 || endpoints.includes('*') || endpoints.includes('all')
  const unknown = endpoints.find((name) => !permissions.includes(name))
  if (!everything && unknown !== undefined) {
    return conflict(
      `allowed_endpoints names "${unknown}", which no route has as its permission`,
      'name the permissions of tollbook.yaml, or give a route that one',
    )
  }
  return { endpoints: everything ? null : [...new Set(endpoints)], allowedIps }
}

export function isConflict(read: object): read is Conflict {
  return 'problem' in read
}

/**
 * A key's counter is set back when the key is next used, so after its date it counts a period that is over. Then
 * the daily usage of this month is taken.
 */
function usedThisMonth({ creditsUsed, creditsResetAt, creditsOfMonth }: OldKey, now: Date): number {
  const counts = creditsResetAt === null || creditsResetAt > now
  return Math.max(0, counts ? (creditsUsed ?? 0) : creditsOfMonth)
}

function modeOf(prefix: string, { live, test }: KeyPrefixes): 'live' | 'test' | undefined {
  if (prefix.startsWith(live)) return 'live'
  return prefix.startsWith(test) ? 'test' : undefined
}

export function ownerOf({ organizationId, userId }: OldKey): Owner | undefined {
  if (organizationId) return { kind: 'organisation', id: organizationId }
  return userId ? { kind: 'user', id: userId } : undefined
}

/** Reads a JSON list of texts, where no text at all is the empty list; undefined for anything else. */
function listOf(json: string | null): string[] | undefined {
  if (json === null || json.trim() === '') return []
  try {
    const value: unknown = JSON.parse(json)
    if (value === null) return []
    if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
      return undefined
    return value.map((entry: string) => entry.trim())
  } catch {
    return undefined
  }
}

/** A date that is none, such as `infinity`, is no time. */
function printable(time: Date): string {
  return Number.isNaN(time.getTime()) ? '' : time.toISOString()
}

function isCount(value: number | null, minimum: number, maximum: number): boolean {
  return value === null || (Number.isInteger(value) && value >= minimum && value <= maximum)
}

function conflict(problem: string, advice: string): Conflict {
  return { problem, advice }
}
