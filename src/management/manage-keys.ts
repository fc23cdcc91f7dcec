/** Keys: reading them, issuing them, changing them, giving them new secrets, revoking them. */

import type { KeyBudget } from '../../events/budget.ts'
import { mintKey } from '../gate/authenticate/key-format.ts'
import { readAccount, readPlans } from '../ledger/read/read-accounts.ts'
import {
  type KeyFilter,
  type KeyPage,
  type KeyPageStart,
  type KeyRow,
  readKey,
  readKeyPage,
  readKeysOfAccount,
} from '../ledger/read/read-keys.ts'
import { accountIdOf, type Owner } from '../lib/ids.ts'
import type { Actor } from './actor.ts'
import type { BudgetChange } from './change-budgets.ts'
import { checkKeyLimits } from './check-key-limits.ts'
import {
  type KeyCommand,
  type KeyLimits,
  type KeyState,
  type KeyUpdate,
  keyDecider,
} from './decide-key.ts'
import { decideAll, isRefused, type Refused, refused } from './decision.ts'
import { type Change, execute } from './execute.ts'
import { isoTime } from './iso-time.ts'
import { type IssuedKey, issueKey, type KeyRequest } from './issue-key.ts'
import { type KeyView, readKeyView, toKeyView, unsealDocument } from './key-view.ts'
import { accountChange } from './manage-accounts.ts'
import type { OwnersDeps } from './management-deps.ts'
import { sealKeyEvents } from './seal-events.ts'

/** Whose keys may be touched: those of one owner, or everyone's. */
type Scope = Owner | 'everyone'

/** What is to change of a key. A field that is absent stays as it is. */
export interface KeyChange extends KeyUpdate, Partial<Pick<KeyLimits, 'rateLimit' | 'monthlyCap'>> {
  /** The version that the key must still have; absent: any. The same of rotating and revoking it. */
  readonly version?: number
  readonly enabled?: boolean
  /** All budgets of its own, in place of those before. */
  readonly budgets?: readonly KeyBudget[]
  /** One of them, beside the others. */
  readonly budget?: BudgetChange
  /** null: none. */
  readonly group?: string | null
  /** The plan of the key's account, which only an operator can change. */
  readonly plan?: string
}

export interface Keys {
  /** Issues a key. The first key of an owner opens the account on the default plan. */
  issueKey(owner: Owner, request: KeyRequest, actor: Actor): Promise<IssuedKey | Refused>
  /** All of an owner's, the newest first, revoked ones included. */
  listKeys(owner: Owner): Promise<KeyView[]>
  /** The newest first; undefined where the filter knows no key of the name of `after`. */
  pageOfKeys(
    filter: KeyFilter,
    page: KeyPageStart & { readonly limit: number },
  ): Promise<(Omit<KeyPage, 'keys'> & { readonly keys: KeyView[] }) | undefined>
  /** undefined: there is no such key in this scope. */
  readKey(scope: Scope, keyId: string): Promise<KeyView | undefined>
  /** All fields of the change are recorded together or not at all. */
  updateKey(
    scope: Scope,
    keyId: string,
    change: KeyChange,
    actor: Actor,
  ): Promise<KeyView | Refused>
  /** Gives the key a new secret. The old one ends at once, or after `graceSeconds`. */
  rotateKey(
    scope: Scope,
    keyId: string,
    graceSeconds: number,
    actor: Actor,
    version?: number,
  ): Promise<IssuedKey | Refused>
  /** Revokes the key for good. Revoking a revoked key changes nothing and is no refusal. */
  revokeKey(scope: Scope, keyId: string, actor: Actor, version?: number): Promise<KeyView | Refused>
}

/** @param shardOfNew the shard in which an account will be opened */
export function manageKeys(
  deps: OwnersDeps,
  shardOfNew: (accountId: string) => Promise<number>,
): Keys {
  const { sql, commands, prefixes, random } = deps

  async function find(scope: Scope, keyId: string): Promise<KeyRow | undefined> {
    const row = await readKey(sql, keyId)
    return scope === 'everyone' || row?.accountId === accountIdOf(scope) ? row : undefined
  }

  async function changeWith<Result extends object>(
    [scope, keyId, actor]: readonly [Scope, string, Actor],
    version: number | undefined,
    prepare: (row: KeyRow) => Promise<Change<Result> | Refused> | Change<Result> | Refused,
    again: Result | Refused,
  ): Promise<(Result & { readonly view: KeyView }) | Refused> {
    const changed = await execute(
      commands,
      actor,
      async () => {
        const row = await find(scope, keyId)
        if (!row) return refused('key_unknown')
        return version === undefined || version === row.version
          ? prepare(row)
          : refused('version_moved')
      },
      again,
    )
    return isRefused(changed) ? changed : { ...changed, view: await readKeyView(sql, keyId) }
  }

  return {
    issueKey: (owner, request, actor) => issueKey(deps, shardOfNew, owner, request, actor),

    async listKeys(owner) {
      return (await readKeysOfAccount(sql, accountIdOf(owner))).map(toKeyView)
    },

    async pageOfKeys(filter, page) {
      const found = await readKeyPage(sql, filter, page)
      return found && { ...found, keys: found.keys.map(toKeyView) }
    },

    async readKey(scope, keyId) {
      const row = await find(scope, keyId)
      return row && toKeyView(row)
    },

    async updateKey(scope, keyId, { version, ...change }, actor) {
      const byOwner = scope !== 'everyone'
      const prepare = (row: KeyRow) => prepareUpdate(deps, row, change, { byOwner, actor })
      return viewOf(await changeWith([scope, keyId, actor], version, prepare, {}))
    },

    rotateKey(scope, keyId, graceSeconds, actor, version) {
      const prepare = (row: KeyRow) => {
        const { key, ...minted } = mintKey({ prefixes, mode: row.mode, shard: row.shard, random })
        const at = isoTime(row.readAt)
        const change = keyChange(row, [{ type: 'rotate', ...minted, graceSeconds, at }], actor)
        return isRefused(change) ? change : { ...change, result: { key } }
      }
      const again = refused('secret_was_shown')
      return changeWith<{ readonly key: string }>([scope, keyId, actor], version, prepare, again)
    },

    async revokeKey(scope, keyId, actor, version) {
      const prepare = (row: KeyRow) =>
        keyChange(row, row.revokedAt ? [] : [{ type: 'revoke' }], actor)
      return viewOf(await changeWith([scope, keyId, actor], version, prepare, {}))
    },
  }
}

function viewOf(changed: { readonly view: KeyView } | Refused): KeyView | Refused {
  return isRefused(changed) ? changed : changed.view
}

async function prepareUpdate(
  { sql, config }: OwnersDeps,
  row: KeyRow,
  change: KeyChange,
  { byOwner, actor }: { readonly byOwner: boolean; readonly actor: Actor },
): Promise<Change<object> | Refused> {
  if (row.revokedAt) return refused('key_revoked')
  if (byOwner && change.plan !== undefined) return refused('plan_not_grantable')
  const maxRateLimit = byOwner ? (row.accountRateLimit ?? row.planRateLimit) : undefined
  const refusal = checkKeyLimits(change, maxRateLimit, config)
  if (refusal) return refusal
  const ofKey = keyChange(row, commandsFor(change, isoTime(row.readAt)), actor)
  if (isRefused(ofKey) || change.plan === undefined) return ofKey

  const account = await readAccount(sql, row.accountId)
  const tariff = account && (await readPlans(sql, account.shard))
  if (!account || !tariff) return refused('account_unknown')
  const { plans } = tariff
  const at = isoTime(account.readAt)
  const changePlan = { type: 'change-plan', at, plan: change.plan, plans } as const
  const ofAccount = accountChange(account, [changePlan], actor)
  if (isRefused(ofAccount)) return ofAccount
  return {
    shard: ofAccount.shard,
    expected: [...ofAccount.expected, ...ofKey.expected],
    events: [...ofAccount.events, ...ofKey.events],
    result: {},
  }
}

/** The change that some commands make to a key. A key of an erased account can be stopped, and nothing else. */
function keyChange(
  row: KeyRow,
  commands: readonly KeyCommand[],
  actor: Actor,
): Change<object> | Refused {
  const stops = commands.every(({ type }) => type === 'revoke' || type === 'disable')
  if (!row.accountSecret && !stops) return refused('account_erased')
  const decision = decideAll(keyDecider, stateOf(row), commands)
  if (isRefused(decision)) return decision
  return {
    shard: row.shard,
    expected: [{ stream: 'key', id: row.keyId, version: row.version }],
    events: sealKeyEvents(decision.events, row, actor),
    result: {},
  }
}

/** @param at the ledger's time, ISO 8601 */
function commandsFor(change: KeyChange, at: string): KeyCommand[] {
  const { enabled, rateLimit, monthlyCap, budgets, budget, group, plan: _, ...update } = change
  const commands: KeyCommand[] = []
  if (Object.keys(update).length > 0) commands.push({ type: 'update', at, ...update })
  if (rateLimit !== undefined || monthlyCap !== undefined) {
    commands.push({
      type: 'change-limits',
      ...(rateLimit !== undefined && { rateLimit }),
      ...(monthlyCap !== undefined && { monthlyCap }),
    })
  }
  if (budgets !== undefined) commands.push({ type: 'change-budgets', budgets })
  if (budget !== undefined) commands.push({ type: 'set-budget', budget })
  if (group !== undefined) commands.push({ type: 'group', group })
  if (enabled !== undefined) commands.push({ type: enabled ? 'enable' : 'disable' })
  return commands
}

function stateOf(row: KeyRow): KeyState {
  const { hash, enabled, endpoints, rateLimit, monthlyCap, budgets, group } = row
  return {
    hash,
    enabled,
    revoked: row.revokedAt !== null,
    endpoints,
    rateLimit,
    monthlyCap,
    budgets,
    group,
    expiresAt: isoTime(row.expiresAt),
    document: unsealDocument(row),
  }
}
