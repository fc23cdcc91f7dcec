/** Keys: looking at them, changing them, giving them new secrets, revoking them. */
import { mintKey } from '../gate/authenticate/key-format.ts'
import { readAccount, readPlans } from '../ledger/read/read-accounts.ts'
import {
  type KeyFilter,
  type KeyRow,
  readKey,
  readKeyPage,
  readKeysOfAccount,
} from '../ledger/read/read-keys.ts'
import { accountIdOf, type Owner } from '../lib/ids.ts'
import { decideAccount } from './decide-account.ts'
import {
  type KeyCommand,
  type KeyLimits,
  type KeyState,
  type KeyUpdate,
  keyDecider,
} from './decide-key.ts'
import { decideAll, isRefused, type Refused, refused } from './decision.ts'
import { type Actor, type Change, execute } from './execute.ts'
import { issueKeyWith, type KeyRequest } from './issue-key.ts'
import {
  exceedsAccount,
  readKeyView,
  type ShownKey,
  sealKeyEvents,
  unknownPermission,
} from './key-changes.ts'
import { sealAccountEvents } from './manage-accounts.ts'
import type { ManagementDeps } from './management-deps.ts'
import { documentOf, iso, type KeyView, keyView } from './views.ts'

/** Whose keys may be touched: an owner's own, or everyone's. */
export type Scope = Owner | 'everyone'

export interface KeyChange extends KeyUpdate, Partial<Pick<KeyLimits, 'rateLimit' | 'monthlyCap'>> {
  readonly enabled?: boolean
  /** Of the key's account; an operator's to change. */
  readonly plan?: string
}

export interface Keys {
  /** Issues a key; an owner's first one opens the account on the default plan. */
  issueKey(owner: Owner, request: KeyRequest, actor: Actor): Promise<ShownKey | Refused>
  /** The newest first, revoked ones included. */
  listKeys(owner: Owner): Promise<KeyView[]>
  pageOfKeys(
    filter: KeyFilter,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<{ readonly keys: KeyView[]; readonly total: number }>
  /** undefined: no such key in this scope. */
  readKey(scope: Scope, keyId: string): Promise<KeyView | undefined>
  /** Everything in the change is recorded together or not at all. */
  updateKey(
    scope: Scope,
    keyId: string,
    change: KeyChange,
    actor: Actor,
  ): Promise<KeyView | Refused>
  /** A new secret; the old one dies at once, or after `graceSeconds`. */
  rotateKey(
    scope: Scope,
    keyId: string,
    graceSeconds: number,
    actor: Actor,
  ): Promise<ShownKey | Refused>
  /** For ever. A key that is revoked already stays so, and that is no refusal. */
  revokeKey(scope: Scope, keyId: string, actor: Actor): Promise<KeyView | Refused>
}

export function manageKeys(
  deps: ManagementDeps,
  shardOfNew: (id: string) => Promise<number>,
): Keys {
  const { sql, commands, config, prefixes, random } = deps

  /** The key, when it is in scope. */
  async function find(scope: Scope, keyId: string): Promise<KeyRow | undefined> {
    const row = await readKey(sql, keyId)
    return scope === 'everyone' || row?.accountId === accountIdOf(scope) ? row : undefined
  }

  async function updateKey(scope: Scope, keyId: string, change: KeyChange, actor: Actor) {
    const updated = await execute(commands, actor.id, async () => {
      const row = await find(scope, keyId)
      if (!row) return refused('key_unknown')
      if (row.revokedAt) return refused('key_revoked')
      const fromOwner = scope !== 'everyone'
      const most = row.accountRateLimit ?? row.planRateLimit
      const objection =
        (fromOwner && change.plan !== undefined ? refused('plan_not_grantable') : undefined) ??
        (fromOwner ? exceedsAccount(change.rateLimit, most) : undefined) ??
        unknownPermission(config, change.endpoints)
      if (objection) return objection
      const ofKey = changeOfKey(row, commandsOf(change, iso(row.readAt)), actor)
      if (isRefused(ofKey) || change.plan === undefined) return ofKey
      const ofAccount = await changeOfPlan(row.accountId, change.plan, actor)
      return isRefused(ofAccount) ? ofAccount : together(ofAccount, ofKey)
    })
    return isRefused(updated) ? updated : readKeyView(sql, keyId)
  }

  async function changeOfPlan(accountId: string, plan: string, actor: Actor) {
    const account = await readAccount(sql, accountId)
    const tariff = account && (await readPlans(sql, account.shard))
    if (!account || !tariff) return refused('account_unknown')
    const at = iso(tariff.readAt)
    const command = { type: 'change-plan', at, plan, plans: tariff.plans } as const
    const decision = decideAccount(account, command)
    if (isRefused(decision)) return decision
    return {
      shard: account.shard,
      expected: [{ stream: 'account', id: accountId, version: account.version } as const],
      events: sealAccountEvents(decision.facts, account, actor),
      result: {},
    }
  }

  async function rotateKey(scope: Scope, keyId: string, graceSeconds: number, actor: Actor) {
    const rotated = await execute(commands, actor.id, async () => {
      const row = await find(scope, keyId)
      if (!row) return refused('key_unknown')
      const { key, ...minted } = mintKey({ prefixes, mode: row.mode, shard: row.shard, random })
      const at = iso(row.readAt)
      const change = changeOfKey(row, [{ type: 'rotate', ...minted, graceSeconds, at }], actor)
      return isRefused(change) ? change : { ...change, result: { key } }
    })
    return isRefused(rotated) ? rotated : { ...rotated, view: await readKeyView(sql, keyId) }
  }

  async function revokeKey(scope: Scope, keyId: string, actor: Actor) {
    const revoked = await execute(commands, actor.id, async () => {
      const row = await find(scope, keyId)
      if (!row) return refused('key_unknown')
      return changeOfKey(row, row.revokedAt ? [] : [{ type: 'revoke' }], actor)
    })
    return isRefused(revoked) ? revoked : readKeyView(sql, keyId)
  }

  return {
    issueKey: issueKeyWith(deps, shardOfNew),
    updateKey,
    rotateKey,
    revokeKey,
    async listKeys(owner) {
      return (await readKeysOfAccount(sql, accountIdOf(owner))).map(keyView)
    },
    async pageOfKeys(filter, page) {
      const { keys, total } = await readKeyPage(sql, filter, page)
      return { keys: keys.map(keyView), total }
    },
    async readKey(scope, keyId) {
      const row = await find(scope, keyId)
      return row && keyView(row)
    },
  }
}

/** What some commands change of a key. An erased account's keys can still be stopped, and nothing else. */
function changeOfKey(
  row: KeyRow,
  commands: readonly KeyCommand[],
  actor: Actor,
): Change<object> | Refused {
  const stops = commands.every(({ type }) => type === 'revoke' || type === 'disable')
  if (!row.secret && !stops) return refused('account_erased')
  const decision = decideAll(keyDecider, stateOf(row), commands)
  if (isRefused(decision)) return decision
  return {
    shard: row.shard,
    expected: [{ stream: 'key', id: row.keyId, version: row.version }],
    events: sealKeyEvents(decision.facts, row, actor),
    result: {},
  }
}

function together(first: Change<object>, second: Change<object>): Change<object> {
  return {
    shard: first.shard,
    expected: [...first.expected, ...second.expected],
    events: [...first.events, ...second.events],
    result: {},
  }
}

function commandsOf(change: KeyChange, at: string): KeyCommand[] {
  const { enabled, rateLimit, monthlyCap, plan: _, ...update } = change
  const commands: KeyCommand[] = []
  if (Object.keys(update).length > 0) commands.push({ type: 'update', at, ...update })
  if (rateLimit !== undefined || monthlyCap !== undefined) {
    commands.push({
      type: 'change-limits',
      ...(rateLimit !== undefined && { rateLimit }),
      ...(monthlyCap !== undefined && { monthlyCap }),
    })
  }
  if (enabled !== undefined) commands.push({ type: enabled ? 'enable' : 'disable' })
  return commands
}

function stateOf(row: KeyRow): KeyState {
  const { hash, enabled, endpoints, rateLimit, monthlyCap } = row
  return {
    hash,
    enabled,
    revoked: row.revokedAt !== null,
    endpoints,
    rateLimit,
    monthlyCap,
    expiresAt: iso(row.expiresAt),
    document: documentOf(row),
  }
}
