/**
 * Writes one owner's part of an import: the account, its plan, its limits and its keys, in as few commands as
 * possible.
 */
import type { NewEvent } from '../../events/new-event.ts'
import type { ManagementCommands } from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import { newSecret } from '../ledger/private-fields.ts'
import { type AccountRow, type Plans, readAccount } from '../ledger/read/read-accounts.ts'
import { firstLimit } from '../lib/rate-limits.ts'
import type { Actor } from '../management/actor.ts'
import {
  type AccountCommand,
  type AccountState,
  accountDecider,
  evolveAccount,
  planAt,
} from '../management/decide-account.ts'
import { decideAll, isRefused } from '../management/decision.ts'
import { sealAccountEvents, sealDocument } from '../management/seal-events.ts'
import { type AccountPart, mostExpensivePlan } from './plan-import.ts'
import type { ReadKey } from './read-old-key.ts'

interface AccountImportDeps {
  readonly sql: Sql
  readonly commands: ManagementCommands
  /** Plans of the tariff in force. */
  readonly plans: Plans
  /** The plan of an owner none of whose keys works any more. */
  readonly defaultPlan: string
  /** When plans begin: the time of the import, ISO 8601. */
  readonly at: string
  readonly shardOf: (accountId: string) => number
  readonly actor: Actor
}

/** Why an owner's keys could not be imported. */
export type AccountFailure = 'account_erased' | 'changed_meanwhile'

/** Private documents make commands large, so a command has no more keys. */
const maxKeys = 200

/** @returns undefined when the keys are in the ledger */
export async function importAccount(
  part: AccountPart,
  deps: AccountImportDeps,
): Promise<AccountFailure | undefined> {
  for (let from = 0; from < part.newKeys.length; from += maxKeys) {
    const failure = await importKeys(part, part.newKeys.slice(from, from + maxKeys), deps)
    if (failure) return failure
  }
  return undefined
}

async function importKeys(
  part: AccountPart,
  keys: readonly ReadKey[],
  deps: AccountImportDeps,
): Promise<AccountFailure | undefined> {
  const { accountId } = part
  const row = await readAccount(deps.sql, accountId)
  if (row?.erased) return 'account_erased'
  const { events, state } = changeAccount(part, row, deps)
  const secret = row?.secret ?? newSecret()
  const limits = limitsOf(state, deps)
  const command = {
    // The same keys have the same id: when two imports send them at once, the ledger records them once.
    id: `import:${Bun.SHA256.hash(keys.map(({ keyId }) => keyId).join('\n'), 'hex')}`,
    actor: deps.actor.id,
    expected: [
      { stream: 'account', id: accountId, version: row?.version ?? 0, readAt: deps.at } as const,
      ...keys.map(({ keyId }) => ({ stream: 'key', id: keyId, version: 0 }) as const),
    ],
    events: [
      ...sealAccountEvents(events, { accountId, secret }, deps.actor),
      ...keys.map((key) => keyImported(key, { accountId, secret, limits, plans: deps.plans })),
    ],
    ...(row ? {} : { secret }),
  }
  const { verdict } = await deps.commands.record(row?.shard ?? deps.shardOf(accountId), command)
  return verdict === 'ok' ? undefined : 'changed_meanwhile'
}

/** What the account has to become so that its keys can do what they could. */
function changeAccount(part: AccountPart, row: AccountRow | undefined, deps: AccountImportDeps) {
  const { plans, defaultPlan, at } = deps
  // Owners keep a plan that is no longer grantable.
  const grantable = Object.fromEntries(
    Object.entries(plans).map(([name, plan]) => [name, { ...plan, grantable: true }]),
  )
  const commands: AccountCommand[] = []
  if (!row) {
    const plan = part.plan ?? defaultPlan
    commands.push({ type: 'open', at, owner: part.owner, plan, plans: grantable })
  } else if (part.plan !== undefined) {
    const current = planAt(row.schedule, at)?.plan ?? ''
    const plan = mostExpensivePlan([current, part.plan], plans)
    if (plan !== current && plan !== undefined) {
      commands.push({ type: 'change-plan', at, plan, plans: grantable })
    }
  }
  const onPlan = decide(row, commands)
  if (part.rateLimit <= limitsOf(onPlan.state, deps).rateLimit) return onPlan
  const raised = decide(onPlan.state, [{ type: 'change-limits', rateLimit: part.rateLimit }])
  return { events: [...onPlan.events, ...raised.events], state: raised.state }
}

/** @throws when a command is refused */
function decide(state: AccountState | undefined, commands: readonly AccountCommand[]) {
  const decision = decideAll(accountDecider, state, commands)
  if (isRefused(decision)) throw new Error(`the account cannot be made: ${decision.refused}`)
  const { events } = decision
  return { events, state: events.reduce(evolveAccount, state) }
}

/** What an account gives each of its keys. */
interface AccountLimits {
  readonly rateLimit: number
  readonly credits: number
  readonly endpoints: 'all' | readonly string[]
}

function limitsOf(
  state: AccountState | undefined,
  { at, plans }: Pick<AccountImportDeps, 'at' | 'plans'>,
): AccountLimits {
  const plan = plans[(state && planAt(state.schedule, at)?.plan) ?? '']
  return {
    rateLimit: state?.rateLimit ?? firstLimit(plan)?.limit ?? 0,
    credits: plan?.credits ?? 0,
    endpoints: plan?.endpoints ?? [],
  }
}

/**
 * The key with the limits that it had, its own or its tier's. A limit is written only where the account gives
 * another one: otherwise a better plan would later do nothing for the key.
 */
function keyImported(
  key: ReadKey,
  {
    accountId,
    secret,
    limits,
    plans,
  }: {
    readonly accountId: string
    readonly secret: Uint8Array
    readonly limits: AccountLimits
    readonly plans: Plans
  },
): NewEvent {
  const { keyId, mode, hash, display, enabled, createdAt, expiresAt, createdBy } = key
  const { name, description, allowedIps } = key
  const tier = plans[key.tier]
  const rateLimit = key.rateLimit ?? firstLimit(tier)?.limit ?? null
  const credits = key.monthlyCredits ?? tier?.credits ?? null
  const tierEndpoints = tier && tier.endpoints !== 'all' ? tier.endpoints : null
  const isNarrowed = tierEndpoints !== null && !Bun.deepEquals(tierEndpoints, limits.endpoints)
  return {
    type: 'KeyImported',
    accountId,
    keyId,
    mode,
    payload: {
      ...{ hash, display, enabled, createdAt, expiresAt },
      endpoints: key.endpoints ?? (isNarrowed ? tierEndpoints : null),
      rateLimit: rateLimit === limits.rateLimit ? null : rateLimit,
      monthlyCap: credits === limits.credits ? null : credits,
    },
    ...sealDocument(secret, accountId, {
      ...{ name, description, allowedIps },
      ...(createdBy !== null && { createdBy }),
    }),
  }
}
