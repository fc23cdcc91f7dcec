/** Issuing keys and changing them. */
import type { Mode, NewEvent } from '../../events/event.ts'
import { mintKey } from '../gate/key-format.ts'
import { accountIdOf, newKeyId, type Owner } from '../ids.ts'
import { newSecret } from '../ledger/private-fields.ts'
import { type AccountRow, type Plans, readAccount, readPlans } from '../ledger/read-accounts.ts'
import {
  type KeyFilter,
  type KeyRow,
  readKey,
  readKeyPage,
  readKeysOfAccount,
} from '../ledger/read-keys.ts'
import { accountFacts } from './accounts.ts'
import { type By, type Change, carryOut, reasonOf, sealed } from './carry-out.ts'
import { decideAccount, planAt } from './decide-account.ts'
import {
  decideKey,
  type KeyCommand,
  type KeyFact,
  type KeyLimits,
  type KeyState,
  type KeyUpdate,
  keyDecider,
} from './decide-key.ts'
import { decideAll, isRefused, type Refused, refused } from './decision.ts'
import type { ManagementDeps } from './management.ts'
import { documentOf, iso, type KeyView, keyView } from './views.ts'

/** Whose keys may be touched: an owner's own, or everyone's. */
export type Scope = Owner | 'everyone'

export interface KeyRequest extends Partial<KeyLimits> {
  readonly name: string
  readonly mode: Mode
  readonly description?: string | null
  readonly allowedIps?: readonly string[]
  /** The plan the caller takes itself to be on: asking for another is refused. */
  readonly plan?: string
  /** The user who asks, where the owner is an organisation. */
  readonly createdBy?: string
}

export interface KeyChange extends KeyUpdate, Partial<Pick<KeyLimits, 'rateLimit' | 'monthlyCap'>> {
  readonly enabled?: boolean
  /** Of the key's account; an operator's to change. */
  readonly plan?: string
}

export interface ShownKey {
  /** The whole key. Shown this once, kept nowhere. */
  readonly key: string
  readonly view: KeyView
}

export interface Keys {
  /** Issues a key; an owner's first one opens the account on the default plan. */
  issueKey(owner: Owner, request: KeyRequest, by: By): Promise<ShownKey | Refused>
  /** The newest first, revoked ones included. */
  listKeys(owner: Owner): Promise<KeyView[]>
  pageOfKeys(
    filter: KeyFilter,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<{ readonly keys: KeyView[]; readonly total: number }>
  /** undefined: no such key in this scope. */
  readKey(scope: Scope, keyId: string): Promise<KeyView | undefined>
  /** Everything in the change is recorded together or not at all. */
  updateKey(scope: Scope, keyId: string, change: KeyChange, by: By): Promise<KeyView | Refused>
  /** A new secret; the old one dies at once, or after `graceSeconds`. */
  rotateKey(scope: Scope, keyId: string, graceSeconds: number, by: By): Promise<ShownKey | Refused>
  /** For ever. A key that is revoked already stays so, and that is no refusal. */
  revokeKey(scope: Scope, keyId: string, by: By): Promise<KeyView | Refused>
}

export function openKeys(deps: ManagementDeps, shardOfNew: (id: string) => Promise<number>): Keys {
  const { sql, commands, config, prefixes, random } = deps
  const permissions = [...new Set(Object.values(config.routes).map((route) => route.permission))]

  async function issueKey(owner: Owner, request: KeyRequest, by: By) {
    const accountId = accountIdOf(owner)
    const keyId = newKeyId()
    const issued = await carryOut(commands, by.actor, async () => {
      const account = await readAccount(sql, accountId)
      const shard = account?.shard ?? (await shardOfNew(accountId))
      const tariff = await readPlans(sql, shard)
      if (!tariff) return refused('no_tariff')
      const at = iso(tariff.readAt)
      const objection = objectionTo(request, account, tariff.plans, at)
      if (objection) return objection
      const opening = account
        ? { facts: [] }
        : decideAccount(undefined, {
            type: 'open',
            at,
            owner,
            plan: config.defaultPlan,
            plans: tariff.plans,
          })
      if (isRefused(opening)) return opening
      const minted = mintKey({ prefixes, mode: request.mode, shard, random })
      const decision = decideKey(undefined, issueCommand(request, minted, at))
      if (isRefused(decision)) return decision
      const secret = account?.secret ?? newSecret()
      return {
        shard,
        expected: [
          ...(account ? [] : [{ stream: 'account', id: accountId, version: 0 } as const]),
          { stream: 'key', id: keyId, version: 0 } as const,
        ],
        events: [
          ...accountFacts(opening.facts, { accountId, secret }, by),
          ...keyFacts(decision.facts, { accountId, keyId, mode: request.mode, secret }, by),
        ],
        ...(account ? {} : { secret }),
        result: { key: minted.key },
      }
    })
    return isRefused(issued) ? issued : { ...issued, view: await mustRead(keyId) }
  }

  /** What stands against a new key, beyond what the key itself could say. */
  function objectionTo(
    request: KeyRequest,
    account: AccountRow | undefined,
    plans: Plans,
    at: string,
  ): Refused | undefined {
    if (account?.erased) return refused('account_erased')
    if (account?.frozen) return refused('account_frozen')
    const plan = account
      ? (planAt(account.schedule, at)?.plan ?? config.defaultPlan)
      : config.defaultPlan
    if (
      request.plan !== undefined &&
      request.plan !== plan &&
      request.plan !== config.defaultPlan
    ) {
      return refused('plan_not_grantable')
    }
    const most = account?.rateLimit ?? plans[plan]?.rateLimit
    return beyond(request.rateLimit, most) ?? unknownPermission(request.endpoints)
  }

  function beyond(rateLimit: number | null | undefined, most: number | undefined) {
    if (rateLimit == null || most === undefined || rateLimit <= most) return undefined
    return refused('beyond_account', { field: 'rateLimit', expected: `at most ${most}` })
  }

  function unknownPermission(endpoints: readonly string[] | null | undefined) {
    if (endpoints?.every((name) => permissions.includes(name)) !== false) return undefined
    return refused('permission_unknown', { field: 'endpoints', expected: permissions.join(', ') })
  }

  /** The key, when it is in scope. */
  async function find(scope: Scope, keyId: string): Promise<KeyRow | undefined> {
    const row = await readKey(sql, keyId)
    return scope === 'everyone' || row?.accountId === accountIdOf(scope) ? row : undefined
  }

  async function updateKey(scope: Scope, keyId: string, change: KeyChange, by: By) {
    const updated = await carryOut(commands, by.actor, async () => {
      const row = await find(scope, keyId)
      if (!row) return refused('key_unknown')
      const fromOwner = scope !== 'everyone'
      const most = row.accountRateLimit ?? row.planRateLimit ?? undefined
      const objection =
        (fromOwner && change.plan !== undefined ? refused('plan_not_grantable') : undefined) ??
        (fromOwner ? beyond(change.rateLimit, most) : undefined) ??
        unknownPermission(change.endpoints)
      if (objection) return objection
      const ofKey = changeOfKey(row, commandsOf(change, iso(row.readAt)), by)
      if (isRefused(ofKey) || change.plan === undefined) return ofKey
      const ofAccount = await changeOfPlan(row.accountId, change.plan, by)
      return isRefused(ofAccount) ? ofAccount : together(ofAccount, ofKey)
    })
    return isRefused(updated) ? updated : mustRead(keyId)
  }

  async function changeOfPlan(accountId: string, plan: string, by: By) {
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
      events: accountFacts(decision.facts, account, by),
      result: {},
    }
  }

  async function rotateKey(scope: Scope, keyId: string, graceSeconds: number, by: By) {
    const rotated = await carryOut(commands, by.actor, async () => {
      const row = await find(scope, keyId)
      if (!row) return refused('key_unknown')
      const { key, ...minted } = mintKey({ prefixes, mode: row.mode, shard: row.shard, random })
      const at = iso(row.readAt)
      const change = changeOfKey(row, [{ type: 'rotate', ...minted, graceSeconds, at }], by)
      return isRefused(change) ? change : { ...change, result: { key } }
    })
    return isRefused(rotated) ? rotated : { ...rotated, view: await mustRead(keyId) }
  }

  async function revokeKey(scope: Scope, keyId: string, by: By) {
    const revoked = await carryOut(commands, by.actor, async () => {
      const row = await find(scope, keyId)
      if (!row) return refused('key_unknown')
      return changeOfKey(row, row.revokedAt ? [] : [{ type: 'revoke' }], by)
    })
    return isRefused(revoked) ? revoked : mustRead(keyId)
  }

  async function mustRead(keyId: string): Promise<KeyView> {
    const row = await readKey(sql, keyId)
    if (!row) throw new Error(`the book has no ${keyId}, which it just changed`)
    return keyView(row)
  }

  return {
    issueKey,
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
  by: By,
): Change<object> | Refused {
  const stops = commands.every(({ type }) => type === 'revoke' || type === 'disable')
  if (!row.secret && !stops) return refused('account_erased')
  const decision = decideAll(keyDecider, stateOf(row), commands)
  if (isRefused(decision)) return decision
  return {
    shard: row.shard,
    expected: [{ stream: 'key', id: row.keyId, version: row.version }],
    events: keyFacts(decision.facts, row, by),
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

/** Facts as events of their key. A document is the key's own; any other event may carry the reason. */
function keyFacts(
  facts: readonly KeyFact[],
  key: {
    readonly accountId: string
    readonly keyId: string
    readonly mode: Mode
    readonly secret: Uint8Array | null
  },
  by: By,
): NewEvent[] {
  const { accountId, keyId, mode, secret } = key
  return facts.map((fact) => ({
    type: fact.type,
    payload: fact.payload,
    accountId,
    keyId,
    mode,
    ...sealed(
      secret,
      accountId,
      'document' in fact ? { ...fact.document, ...reasonOf(by) } : reasonOf(by),
    ),
  }))
}
