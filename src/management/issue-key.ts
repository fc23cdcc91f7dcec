/** Issuing a key. The first key of an owner opens the owner's account. */
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
import { countKeys } from '../ledger/read/read-keys.ts'
import { accountIdOf, newKeyId, type Owner } from '../lib/ids.ts'
import { firstLimit } from '../lib/rate-limits.ts'
import type { Actor } from './actor.ts'
import { checkKeyLimits } from './check-key-limits.ts'
import { type AccountEvent, decideAccount, planAt } from './decide-account.ts'
import { decideKey, type KeyCommand, type KeyLimits } from './decide-key.ts'
import { type Decision, isRefused, type Refused, refused } from './decision.ts'
import { type Change, execute } from './execute.ts'
import { isoTime } from './iso-time.ts'
import { type KeyView, readKeyView } from './key-view.ts'
import type { OwnersDeps } from './management-deps.ts'
import { sealAccountEvents, sealKeyEvents } from './seal-events.ts'

export interface KeyRequest extends Partial<KeyLimits> {
  readonly name: string
  readonly mode: Mode
  readonly description?: string | null
  readonly allowedIps?: readonly string[]
  /** The plan that the client takes to be its own. A request for another plan is refused. */
  readonly plan?: string
  /** The user who asks, where the owner is an organisation. */
  readonly createdBy?: string
}

/** A key with its secret, which is returned once and stored nowhere. */
export interface IssuedKey {
  readonly key: string
  readonly view: KeyView
}

/** @param shardOfNew the shard in which an account will be opened */
export async function issueKey(
  { sql, commands, config, prefixes, random }: OwnersDeps,
  shardOfNew: (accountId: string) => Promise<number>,
  owner: Owner,
  request: KeyRequest,
  actor: Actor,
): Promise<IssuedKey | Refused> {
  const accountId = accountIdOf(owner)
  const keyId = newKeyId()
  const { mode } = request

  async function prepare(): Promise<Change<{ readonly key: string }> | Refused> {
    const account = await readAccount(sql, accountId)
    const shard = account?.shard ?? (await shardOfNew(accountId))
    const tariff = await readPlans(sql, shard)
    if (!tariff) return refused('no_tariff')
    const at = isoTime(tariff.readAt)
    if (account && (await countKeys(sql, accountId)) >= config.limits.maxKeysPerAccount) {
      return refused('too_many_keys')
    }
    const minted = mintKey({ prefixes, mode, shard, random })
    const opening =
      checkRequest(request, account, tariff.plans, at, config) ??
      decideOpening(account, { at, owner, plan: config.defaultPlan, plans: tariff.plans })
    if (isRefused(opening)) return opening
    const issue = decideKey(undefined, issueCommand(request, minted, at))
    if (isRefused(issue)) return issue
    const secret = account?.secret ?? newSecret()
    return {
      shard,
      expected: [
        ...(account ? [] : [{ stream: 'account', id: accountId, version: 0, readAt: at } as const]),
        { stream: 'key', id: keyId, version: 0 },
      ],
      events: [
        ...sealAccountEvents(opening.events, { accountId, secret }, actor),
        ...sealKeyEvents(issue.events, { accountId, keyId, mode, accountSecret: secret }, actor),
      ],
      ...(account ? {} : { secret }),
      result: { key: minted.key },
    }
  }

  const issued = await execute(commands, actor, prepare, refused('secret_was_shown'))
  return isRefused(issued) ? issued : { ...issued, view: await readKeyView(sql, keyId) }
}

function decideOpening(
  account: AccountRow | undefined,
  command: { at: string; owner: Owner; plan: string; plans: Plans },
): Decision<AccountEvent> {
  return account ? { events: [] } : decideAccount(undefined, { type: 'open', ...command })
}

/** Refuses a new key for what its account and the configuration do not allow. */
function checkRequest(
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
  // A program that always names the default plan goes on working when its account is on another plan.
  if (![undefined, plan, defaultPlan].includes(request.plan)) return refused('plan_not_grantable')
  return checkKeyLimits(request, account?.rateLimit ?? firstLimit(plans[plan])?.limit, config)
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
