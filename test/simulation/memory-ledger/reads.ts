/** What gateways read of the ledger. */
import { type Budget, budgetsOfKey, type KeyBudget } from '../../../events/budget.ts'
import { entryOf, holdTypes } from '../../../events/event-types.ts'
import { tariffAt, type Who } from '../../support/log-rules.ts'
import type { Row } from '../../support/oracle.ts'
import type { Rows, Text } from '../wire.ts'
import { deliveryOf } from './deliveries.ts'
import type { MemoryLedger } from './memory-ledger.ts'
import { columnsOf, rowsOf } from './rows.ts'

const keyColumns = columnsOf(
  `shard int2, keyId text, accountId text, ownerId text, mode text, keyVersion int4, accountVersion int4, display text,
  enabled bool, revokedAt timestamptz, expiresAt timestamptz, previousUntil timestamptz, endpoints texts,
  keyRateLimit int4, monthlyCap int8, hasBudgets bool, frozen bool, plan text, planUntil timestamptz, accountRateLimit int4,
  maxInFlight int4, tariff text, accountSecret bytea, private bytea, readAt timestamptz`,
)

/** key_of: whose a secret is. */
export function keyOf({ state }: MemoryLedger, hash: Text | undefined): Row | undefined {
  return [...state.key_state.values()].find(
    (row) => row.hash === hash || (row.previous_hash === hash && row.previous_until !== null),
  )
}

/** find_key_v1 */
export function readKey(ledger: MemoryLedger, [hash]: readonly Text[]): Rows {
  const { state, shard, now, side } = ledger
  const key = keyOf(ledger, hash)
  if (!key) return rowsOf(keyColumns, [])
  const accountId = String(key.account_id)
  const account = state.account_state.get(`${accountId} ${shard}`) as Row
  const who: Who = { shard, account_id: accountId, mode: String(key.mode), now }
  const row = {
    ...{ shard, keyId: key.key_id, accountId, ownerId: account.owner_id, mode: key.mode },
    ...{ keyVersion: key.version, accountVersion: account.version, display: key.display },
    ...{ enabled: key.enabled, revokedAt: key.revoked_at, expiresAt: key.expires_at },
    previousUntil: key.hash === hash ? null : key.previous_until,
    ...{ endpoints: key.endpoints, keyRateLimit: key.rate_limit, monthlyCap: key.monthly_cap },
    hasBudgets: hasBudgets(account, key),
    ...{ frozen: account.frozen || account.erased, plan: planNameAt(ledger, who) },
    ...{ planUntil: nextPlanAt(ledger, who), accountRateLimit: account.rate_limit },
    ...{ maxInFlight: account.max_in_flight, tariff: tariffAt(state, now) },
    ...{ accountSecret: side.secrets.get(accountId) ?? null, private: key.private, readAt: now },
  }
  return rowsOf(keyColumns, [row])
}

function hasBudgets(account: Row, key: Row): boolean {
  const { key_id, key_group, budgets } = key
  const ofKey = { keyId: String(key_id), group: key_group as string | null }
  const own = (budgets ?? []) as KeyBudget[]
  return budgetsOfKey((account.budgets ?? []) as Budget[], { ...ofKey, budgets: own }).length > 0
}

function plansOf({ state }: MemoryLedger, { account_id }: Who): Row[] {
  return [...state.account_plans.values()].filter((plan) => plan.account_id === account_id)
}

function planNameAt(ledger: MemoryLedger, who: Who): string | null {
  const begun = plansOf(ledger, who).filter((plan) => Number(plan.starts_at) <= who.now)
  const last = begun.sort((a, b) => Number(a.position) - Number(b.position)).at(-1)
  return (last?.plan as string | undefined) ?? null
}

function nextPlanAt(ledger: MemoryLedger, who: Who): number | null {
  const later = plansOf(ledger, who).map((plan) => Number(plan.starts_at))
  const next = Math.min(...later.filter((time) => time > who.now))
  return Number.isFinite(next) ? next : null
}

/** find_tariff_v1 */
export function readTariff({ state }: MemoryLedger, [hash]: readonly Text[]): Rows {
  const tariff = [...state.tariffs.values()].find((row) => row.hash === hash)
  return rowsOf(columnsOf('content jsonb'), tariff ? [{ content: tariff.content }] : [])
}

const overdueColumns = columnsOf(
  'requestId text, accountId text, keyId text, mode text, endpoint text, tariff text',
)

/** overdue_holds_v1 */
export function readOverdue({ state, now }: MemoryLedger, values: readonly Text[]): Rows {
  const overdue = [...state.open_holds.values()]
    .filter((hold) => Number(hold.expires_at) < now)
    .sort((a, b) => Number(a.expires_at) - Number(b.expires_at))
    .slice(0, Number(values[1]))
  return rowsOf(
    overdueColumns,
    overdue.map((hold) => ({
      ...{ requestId: String(hold.hold_id), accountId: String(hold.account_id) },
      ...{ keyId: String(hold.key_id), mode: String(hold.mode), tariff: String(hold.tariff) },
      endpoint: hold.endpoint as string | null,
    })),
  )
}

const changesColumns = columnsOf('position int8, epoch int4, accounts json, hasNewTariff bool')

/** changes_v1 */
export function readChanges({ head, events }: MemoryLedger, [, after]: readonly Text[]): Rows {
  const changes = events
    .slice(Math.min(Number(after), head.position), head.position)
    .filter(({ type }) => ['account', 'key', 'tariffs'].includes(entryOf(type)?.stream ?? ''))
  const accounts = Object.fromEntries(
    changes.flatMap(({ account_id, position }) => (account_id ? [[account_id, position]] : [])),
  )
  const hasNewTariff = changes.some(({ account_id }) => account_id === null)
  const row = { position: head.position, epoch: head.epoch, accounts, hasNewTariff }
  return rowsOf(changesColumns, [row])
}

const chargeColumns = columnsOf(
  `shard int2, position int8, requestId text, type text, recordedAt timestamptz, accountId text, keyId text,
  mode text, endpoint text, tariff text, credits int8, quantity int8, payload json, delivery text,
  leasePosition int8, replayed bool`,
)

/** own_charge_v1: the events of a call, with what is known of their delivery. */
export function readOwnCharge(ledger: MemoryLedger, [hash, id]: readonly Text[]): Rows {
  const { byRequest, side, shard } = ledger
  const accountId = keyOf(ledger, hash)?.account_id
  const types: readonly string[] = [...holdTypes, 'ChargeRefunded']
  const events = (byRequest.get(id ?? '') ?? []).filter(
    (event) => types.includes(event.type) && event.slots === null && event.account_id === accountId,
  )
  return rowsOf(
    chargeColumns,
    events.map((event) => ({
      ...{ shard, position: event.position, requestId: event.request_id, type: event.type },
      ...{ recordedAt: event.recorded_at, accountId: event.account_id, keyId: event.key_id },
      ...{ mode: event.mode, endpoint: event.endpoint, tariff: event.tariff },
      ...{ credits: event.credits, quantity: event.quantity, payload: event.payload },
      delivery: event.type === 'HoldSettled' ? deliveryOf(ledger, event) : null,
      leasePosition: byRequest.get(event.payload.lease)?.[0]?.position ?? null,
      replayed:
        event.type === 'CreditsHeld' &&
        (side.responses.get(`${event.key_id} ${event.payload.claim}`)?.isReplayed ?? false),
    })),
  )
}
