/** Issuing a key; an owner's first one opens the account. */
import type { Mode } from '../../events/event.ts'
import type { Config } from '../config/config.ts'
import { mintKey } from '../gate/authenticate/key-format.ts'
import { newSecret } from '../ledger/private-fields.ts'
import {
  type AccountRow,
  type Plans,
  readAccount,
  readPlans,
} from '../ledger/read/read-accounts.ts'
import { accountIdOf, newKeyId, type Owner } from '../lib/ids.ts'
import { type AccountEvent, decideAccount, planAt } from './decide-account.ts'
import { decideKey, type KeyCommand, type KeyLimits } from './decide-key.ts'
import { type Decision, isRefused, type Refused, refused } from './decision.ts'
import { type Actor, type Change, execute } from './execute.ts'
import {
  exceedsAccount,
  readKeyView,
  type ShownKey,
  sealKeyEvents,
  unknownPermission,
} from './key-changes.ts'
import { sealAccountEvents } from './manage-accounts.ts'
import type { ManagementDeps } from './management-deps.ts'
import { iso } from './views.ts'

export interface KeyRequest extends Partial<KeyLimits> {
  readonly name: string
  readonly mode: Mode
  readonly description?: string | null
  readonly allowedIps?: readonly string[]
  /** The plan the client takes itself to be on: asking for another is refused. */
  readonly plan?: string
  /** The user who asks, where the owner is an organisation. */
  readonly createdBy?: string
}

/** @param shardOfNew where an account that is not open yet will live */
export function issueKeyWith(
  { sql, commands, config, prefixes, random }: ManagementDeps,
  shardOfNew: (accountId: string) => Promise<number>,
) {
  return async (owner: Owner, request: KeyRequest, actor: Actor): Promise<ShownKey | Refused> => {
    const accountId = accountIdOf(owner)
    const keyId = newKeyId()
    const { mode } = request

    async function prepare(): Promise<Change<{ readonly key: string }> | Refused> {
      const account = await readAccount(sql, accountId)
      const shard = account?.shard ?? (await shardOfNew(accountId))
      const tariff = await readPlans(sql, shard)
      if (!tariff) return refused('no_tariff')
      const at = iso(tariff.readAt)
      const minted = mintKey({ prefixes, mode, shard, random })
      const decision =
        objectionTo(request, account, tariff.plans, at, config) ??
        opening(account, { at, owner, plan: config.defaultPlan, plans: tariff.plans })
      if (isRefused(decision)) return decision
      const issued = decideKey(undefined, issueCommand(request, minted, at))
      if (isRefused(issued)) return issued
      const secret = account?.secret ?? newSecret()
      return {
        shard,
        expected: [
          ...(account ? [] : [{ stream: 'account', id: accountId, version: 0 } as const]),
          { stream: 'key', id: keyId, version: 0 },
        ],
        events: [
          ...sealAccountEvents(decision.facts, { accountId, secret }, actor),
          ...sealKeyEvents(issued.facts, { accountId, keyId, mode, secret }, actor),
        ],
        ...(account ? {} : { secret }),
        result: { key: minted.key },
      }
    }

    const issued = await execute(commands, actor.id, prepare)
    return isRefused(issued) ? issued : { ...issued, view: await readKeyView(sql, keyId) }
  }
}

function opening(
  account: AccountRow | undefined,
  command: { at: string; owner: Owner; plan: string; plans: Plans },
): Decision<AccountEvent> {
  return account ? { facts: [] } : decideAccount(undefined, { type: 'open', ...command })
}

/** What stands against a new key, beyond what the key itself could say. */
function objectionTo(
  request: KeyRequest,
  account: AccountRow | undefined,
  plans: Plans,
  at: string,
  config: Pick<Config, 'defaultPlan' | 'routes'>,
): Refused | undefined {
  if (account?.erased) return refused('account_erased')
  if (account?.frozen) return refused('account_frozen')
  const { defaultPlan } = config
  const plan = account ? (planAt(account.schedule, at)?.plan ?? defaultPlan) : defaultPlan
  // Programs that always name the default plan go on working when their account is on another one.
  if (![undefined, plan, defaultPlan].includes(request.plan)) return refused('plan_not_grantable')
  const most = account?.rateLimit ?? plans[plan]?.rateLimit
  return exceedsAccount(request.rateLimit, most) ?? unknownPermission(config, request.endpoints)
}

function issueCommand(
  request: KeyRequest,
  { hash, display }: { readonly hash: string; readonly display: string },
  at: string,
): KeyCommand {
  const { name, description = null, allowedIps = [], createdBy } = request
  const { endpoints = null, rateLimit = null, monthlyCap = null, expiresAt = null } = request
  return {
    type: 'issue',
    at,
    hash,
    display,
    endpoints,
    rateLimit,
    monthlyCap,
    expiresAt,
    document: { name, description, allowedIps, ...(createdBy !== undefined && { createdBy }) },
  }
}
