/** Writes one owner's part of an import: account, plan, limits and keys in as few commands as can be. */
import type { NewEvent } from '../../events/event.ts'
import type { Commands } from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import { newSecret } from '../ledger/private-fields.ts'
import { type AccountRow, type Plans, readAccount } from '../ledger/read/read-accounts.ts'
import {
  type AccountCommand,
  type AccountState,
  accountDecider,
  evolveAccount,
  planAt,
} from '../management/decide-account.ts'
import { decideAll, isRefused } from '../management/decision.ts'
import { type Actor, sealDocument } from '../management/execute.ts'
import { sealAccountEvents } from '../management/manage-accounts.ts'
import { type AccountPart, mostExpensive } from './plan-import.ts'
import type { ReadKey } from './read-old-key.ts'

export interface ImportDeps {
  readonly sql: Sql
  readonly commands: Commands
  /** Plans of the tariff in force. */
  readonly plans: Plans
  /** Of an owner none of whose keys works any more. */
  readonly defaultPlan: string
  /** When plans begin: the time of the import, ISO 8601. */
  readonly at: string
  readonly shardOf: (accountId: string) => number
  readonly actor: Actor
}

/** Why an owner's keys were not imported, after all; undefined: they were. */
export type Failure = 'account_erased' | 'changed_meanwhile'

/** Private documents make commands large. */
const maxKeys = 200

export async function importAccount(
  part: AccountPart,
  deps: ImportDeps,
): Promise<Failure | undefined> {
  for (let from = 0; from < part.newKeys.length; from += maxKeys) {
    const failure = await importKeys(part, part.newKeys.slice(from, from + maxKeys), deps)
    if (failure) return failure
  }
  return undefined
}

async function importKeys(
  part: AccountPart,
  keys: readonly ReadKey[],
  deps: ImportDeps,
): Promise<Failure | undefined> {
  const { accountId } = part
  const row = await readAccount(deps.sql, accountId)
  if (row?.erased) return 'account_erased'
  const { facts, state } = accountChange(part, row, deps)
  const secret = row?.secret ?? newSecret()
  const command = {
    // The same keys are the same command: sent by two imports at once, it is carried out once.
    id: `import:${Bun.SHA256.hash(keys.map(({ keyId }) => keyId).join('\n'), 'hex')}`,
    actor: deps.actor.id,
    expected: [
      { stream: 'account', id: accountId, version: row?.version ?? 0 } as const,
      ...keys.map(({ keyId }) => ({ stream: 'key', id: keyId, version: 0 }) as const),
    ],
    events: [
      ...sealAccountEvents(facts, { accountId, secret }, deps.actor),
      ...keys.map((key) =>
        keyImported(key, { accountId, secret, given: limitsGiven(state, deps), plans: deps.plans }),
      ),
    ],
    ...(row ? {} : { secret }),
  }
  const { verdict } = await deps.commands.record(row?.shard ?? deps.shardOf(accountId), command)
  return verdict === 'ok' ? undefined : 'changed_meanwhile'
}

/** What the account has to become so that its keys can do what they could. */
function accountChange(part: AccountPart, row: AccountRow | undefined, deps: ImportDeps) {
  const { plans, defaultPlan, at } = deps
  // A plan that is no longer given is kept by those who have it.
  const kept = Object.fromEntries(
    Object.entries(plans).map(([name, plan]) => [name, { ...plan, grantable: true }]),
  )
  const orders: AccountCommand[] = []
  if (!row) {
    const plan = part.plan ?? defaultPlan
    orders.push({ type: 'open', at, owner: part.owner, plan, plans: kept })
  } else if (part.plan !== undefined) {
    const current = planAt(row.schedule, at)?.plan ?? ''
    const plan = mostExpensive([current, part.plan], plans)
    if (plan !== current && plan !== undefined) {
      orders.push({ type: 'change-plan', at, plan, plans: kept })
    }
  }
  const before: AccountState | undefined = row
  const onPlan = decided(before, orders)
  const given = limitsGiven(onPlan.state, deps)
  if (part.rateLimit <= given.rateLimit) return onPlan
  const raised = decided(onPlan.state, [{ type: 'change-limits', rateLimit: part.rateLimit }])
  return { facts: [...onPlan.facts, ...raised.facts], state: raised.state }
}

function decided(state: AccountState | undefined, orders: readonly AccountCommand[]) {
  const decision = decideAll(accountDecider, state, orders)
  if (isRefused(decision)) throw new Error(`the account cannot be made: ${decision.refused}`)
  return { facts: decision.facts, state: decision.facts.reduce(evolveAccount, state) }
}

interface Given {
  readonly rateLimit: number
  readonly credits: number
  readonly endpoints: 'all' | readonly string[]
}

function limitsGiven(state: AccountState | undefined, { at, plans }: ImportDeps): Given {
  const plan = plans[(state && planAt(state.schedule, at)?.plan) ?? '']
  return {
    rateLimit: state?.rateLimit ?? plan?.rateLimit ?? 0,
    credits: plan?.credits ?? 0,
    endpoints: plan?.endpoints ?? [],
  }
}

/**
 * The key with what it had, said or by its tier. A limit is its own only where the account gives another
 * one: otherwise a better plan would later do nothing for it.
 */
function keyImported(
  key: ReadKey,
  {
    accountId,
    secret,
    given,
    plans,
  }: {
    readonly accountId: string
    readonly secret: Uint8Array
    readonly given: Given
    readonly plans: Plans
  },
): NewEvent {
  const { keyId, mode, hash, display, enabled, createdAt, expiresAt, createdBy } = key
  const { name, description, allowedIps } = key
  const tier = plans[key.tier]
  const rateLimit = key.rateLimit ?? tier?.rateLimit ?? null
  const credits = key.monthlyCredits ?? tier?.credits ?? null
  const ofTier = tier && tier.endpoints !== 'all' ? tier.endpoints : null
  const narrowed = ofTier !== null && !Bun.deepEquals(ofTier, given.endpoints)
  return {
    type: 'KeyImported',
    accountId,
    keyId,
    mode,
    payload: {
      ...{ hash, display, enabled, createdAt, expiresAt },
      endpoints: key.endpoints ?? (narrowed ? ofTier : null),
      rateLimit: rateLimit === given.rateLimit ? null : rateLimit,
      monthlyCap: credits === given.credits ? null : credits,
    },
    ...sealDocument(secret, accountId, {
      ...{ name, description, allowedIps },
      ...(createdBy !== null && { createdBy }),
    }),
  }
}
