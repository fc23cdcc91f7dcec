/** Management commands: grant_v1, adjust_v1, refund_v1 and record_v1, and what a key commands itself by two of them. */
import { catalogue, type EventType } from '../../../events/catalogue.ts'
import type { Pack } from '../../../events/tariffs.ts'
import { micros, monthOf } from '../../support/log.ts'
import { draw, ownLots, tariffAt, type Who } from '../../support/log-rules.ts'
import type { Rows, Text } from '../wire.ts'
import {
  grantAllowance,
  grantTrials,
  lapseRollover,
  repayFromLiveLots,
  repayFromLot,
  writeCredits,
} from './credits.ts'
import { deliveryOf } from './deliveries.ts'
import { enterShard, hasDiverged, leaveShard, type Mark } from './head.ts'
import type { MemoryEvent, MemoryLedger } from './memory-ledger.ts'
import { keyOf } from './reads.ts'
import { jsonTime, rowOf, timeText } from './rows.ts'

type Result = Readonly<Record<string, unknown>>

/** The result that a command got when it was first sent. */
function repeated(
  { side }: MemoryLedger,
  command: string,
  requestHash: string,
): Result | undefined {
  const kept = side.results.get(command)
  if (!kept) return undefined
  return kept.requestHash === requestHash
    ? { ...kept.result, repeated: true }
    : { verdict: 'mismatch' }
}

/** Keeps the result, and replies with it and where the log ends now. */
function keep(ledger: MemoryLedger, command: string, requestHash: string, result: Result): Rows {
  leaveShard(ledger)
  const whole = { ...result, recordedAt: jsonTime(ledger.now) }
  ledger.side.results.set(command, { requestHash, result: whole })
  const { epoch, position, hash } = ledger.head
  return reply({ ...whole, head: { epoch, position, hash } })
}

interface Sender {
  readonly instance: string
  readonly sentAt: string
  readonly mark?: Mark
}

/** enter_for_management: who sends the command, or why it is not taken. */
function enter(ledger: MemoryLedger, text: Text | undefined): Sender | Rows {
  const sender: Sender = JSON.parse(text ?? '{}')
  const fault = enterShard(ledger, sender.sentAt)
  const { instance, mark = null } = sender
  if (hasDiverged(ledger, instance, mark)) return reply({ verdict: 'log_diverged' })
  return fault ? reply({ verdict: fault }) : sender
}

const reply = (result: Result): Rows => rowOf('result jsonb', result)

function whoIs({ shard, now }: MemoryLedger, account_id: string, mode: string): Who {
  return { shard, account_id, mode, now }
}

function hasAccount({ state, shard }: MemoryLedger, account: string): boolean {
  return state.account_state.has(`${account} ${shard}`)
}

export function grant(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [, from, command, hash, account, mode, said, document, sealed, actor] =
    values as string[] & { 9: string }
  const sender = enter(ledger, from)
  if ('rows' in sender) return sender
  const { instance } = sender
  const again = repeated(ledger, command as string, hash as string)
  if (again) return reply(again)
  if (!hasAccount(ledger, account as string)) return reply({ verdict: 'no_such_account' })
  const asked = JSON.parse(document as string)
  const granted =
    asked.pack === undefined ? { credits: said, payload: asked } : packOf(ledger, asked)
  if (!granted) return reply({ verdict: 'no_such_pack' })
  const { payload } = granted
  const credits = Number(granted.credits)
  const { startsAt, expiresAt } = payload
  if (expiresAt && micros(expiresAt) <= ledger.now) return reply({ verdict: 'time_passed' })
  if (expiresAt && micros(expiresAt) <= micros(startsAt)) {
    return reply({ verdict: 'ends_before_start' })
  }
  const who = whoIs(ledger, account as string, mode as string)
  const lot = writeCredits(ledger, instance, who, {
    ...{ type: 'CreditsGranted', credits, actor, payload, private: sealed ?? null },
  })
  repayFromLot(ledger, instance, who, lot)
  return keep(ledger, command as string, hash as string, {
    verdict: 'ok',
    positions: [lot],
    credits,
  })
}

/** A pack as the tariff in force has it, and the payload of its grant. */
function packOf({ state, now }: MemoryLedger, { pack: name, externalId }: Record<string, string>) {
  const hash = tariffAt(state, now)
  const tariff = [...state.tariffs.values()].find((each) => each.hash === hash)
  const { packs = {} } = (tariff?.content ?? {}) as { packs?: Record<string, Pack> }
  const pack = packs[name as string]
  if (!pack) return undefined
  const time = (at: number) => timeText(at).replace(' ', 'T').replace('+00', 'Z')
  const { currency, minorUnits } = pack.price
  const payload = {
    ...{ expiresAt: time(now + pack.validDays * 86_400_000_000), externalId, kind: 'paid' },
    ...{ pack: name, paid: { currency, minorUnits }, startsAt: time(now) },
  }
  return { credits: pack.credits, payload }
}

export function adjust(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [, from, command, hash, account, mode, credits, payload, sealed, actor] =
    values as string[] & { 9: string }
  const sender = enter(ledger, from)
  if ('rows' in sender) return sender
  const { instance } = sender
  const again = repeated(ledger, command as string, hash as string)
  if (again) return reply(again)
  if (!hasAccount(ledger, account as string)) return reply({ verdict: 'no_such_account' })
  const who = whoIs(ledger, account as string, mode as string)
  lapseRollover(ledger, instance, who)
  grantAllowance(ledger, instance, who)
  repayFromLiveLots(ledger, instance, who)
  const { lots, taken, left } = draw(ownLots(ledger.state, who), Number(credits))
  const sum = Number(credits) - left
  const said = { payload: JSON.parse(payload as string), private: sealed ?? null, actor }
  const positions: number[] = []
  if (sum > 0) {
    const event = { type: 'CreditsAdjusted', credits: sum, lots, moved: taken, ...said }
    positions.push(writeCredits(ledger, instance, who, event))
  }
  if (left > 0) {
    const event = { type: 'DebtRecorded', credits: left, ...said }
    positions.push(writeCredits(ledger, instance, who, event))
  }
  const result = { verdict: 'ok', positions, taken: sum, debt: left }
  return keep(ledger, command as string, hash as string, result)
}

export function refund(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [, from, external, hash, request = '', credits, sealed, actor] = values
  const sender = enter(ledger, from)
  if ('rows' in sender) return sender
  const { instance } = sender
  const events = ledger.byRequest.get(request ?? '') ?? []
  const charge = events.find(({ type }) => type === 'HoldSettled')
  if (!charge) return reply({ verdict: 'no_such_charge' })
  const command = external
    ? `external:${charge.account_id}:${external}`
    : `refund:${ledger.side.results.size}`
  const again = repeated(ledger, command, hash as string)
  if (again) return reply(again)
  const earlier = events.filter(({ type }) => type === 'ChargeRefunded')
  const refunded = earlier.reduce((sum, event) => sum + event.credits, 0)
  const isUndelivered = external === `undelivered:${request}`
  const delivery = isUndelivered ? deliveryOf(ledger, charge) : 'unknown'
  if (delivery === 'pending') return reply({ verdict: 'delivery_pending' })
  if (delivery !== 'unknown' || (isUndelivered && isReplayed(ledger, events))) {
    return reply({ verdict: 'delivery_not_unknown' })
  }
  const left = charge.credits - refunded
  const asked = credits === null || credits === undefined ? left : Number(credits)
  if (asked > left || asked === 0) return reply({ verdict: 'exceeds_charge', refundable: left })
  const { lots, moved } = backToLots(charge, earlier, asked)
  const who = whoIs(ledger, charge.account_id, charge.mode)
  const { key_id, request_id, endpoint, tariff } = charge
  lapseRollover(ledger, instance, who)
  const position = writeCredits(ledger, instance, who, {
    ...{ type: 'ChargeRefunded', key_id, request_id, endpoint, tariff, credits: asked },
    ...{ lots, moved, private: sealed ?? null, actor: actor as string },
    payload: {
      ...(charge.payload.budgets && { budgets: charge.payload.budgets }),
      chargedAt: `${timeText(charge.occurred_at).replace(' ', 'T').replace('+00', 'Z')}`,
      ...(external && { externalId: external }),
    },
  })
  repayFromLiveLots(ledger, instance, who)
  const result = { verdict: 'ok', positions: [position], credits: asked }
  return keep(ledger, command, hash as string, result)
}

export function refundUndelivered(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [from = null, hash, request = null, requestHash = null, sealed = null] = values
  const key = keyOf(ledger, hash)
  const events = ledger.byRequest.get(request ?? '') ?? []
  const isOwn = events.some(
    ({ type, account_id }) => type === 'HoldSettled' && account_id === key?.account_id,
  )
  if (!key || !isOwn) return reply({ verdict: 'no_such_charge' })
  const external = `undelivered:${request}`
  const actor = `key:${key.key_id}`
  return refund(ledger, ['0', from, external, requestHash, request, null, sealed, actor])
}

/** Whether the response of a call was given again under its Idempotency-Key. */
function isReplayed({ side }: MemoryLedger, events: readonly MemoryEvent[]): boolean {
  const hold = events.find(({ type }) => type === 'CreditsHeld')
  const stored = side.responses.get(`${hold?.key_id} ${hold?.payload.claim}`)
  return stored?.isReplayed ?? false
}

/** The lots that a charge came from, the last drawn first, without what was given back before. */
function backToLots(charge: MemoryEvent, earlier: readonly MemoryEvent[], credits: number) {
  let left = credits
  const lots: number[] = []
  const moved: number[] = []
  const drawn = (charge.lots ?? []).map((lot, i) => ({ lot, moved: charge.moved?.[i] ?? 0 }))
  for (const { lot, moved: of } of drawn.toReversed()) {
    const back = earlier.reduce((sum, e) => sum + (e.moved?.[e.lots?.indexOf(lot) ?? -1] ?? 0), 0)
    const take = Math.min(of - back, left)
    if (take <= 0) continue
    lots.push(lot)
    moved.push(take)
    left -= take
  }
  return { lots, moved }
}

export function revoke(ledger: MemoryLedger, [from = null, hash]: readonly Text[]): Rows {
  const key = keyOf(ledger, hash)
  if (!key) return reply({ verdict: 'no_such_key' })
  const sender = enter(ledger, from)
  if ('rows' in sender) return sender
  if (key.revoked_at) return reply({ verdict: 'ok' })
  const keyId = String(key.key_id)
  const expected = [{ stream: 'key', id: keyId, version: key.version }]
  const { account_id: accountId, mode } = key
  const event = { type: 'KeyRevoked', accountId, keyId, mode, payload: '{}', actor: `key:${keyId}` }
  const texts = [JSON.stringify(expected), JSON.stringify([event])] as const
  return record(ledger, ['0', from, `revoke:${keyId}`, keyId, ...texts])
}

interface RecordedEvent {
  readonly type: string
  readonly accountId?: string
  readonly keyId?: string
  readonly mode?: string
  readonly payload: string
  readonly private?: string
  readonly actor: string
}

interface Expected {
  readonly stream: 'account' | 'key' | 'operatorKey'
  readonly id: string
  readonly version: number
}

export function record(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [, from, command, hash, expectedText, eventsText, secret] = values as string[]
  const sender = enter(ledger, from)
  if ('rows' in sender) return sender
  const { instance } = sender
  const again = repeated(ledger, command as string, hash as string)
  if (again) return reply(again)
  const expected: Expected[] = JSON.parse(expectedText as string)
  const events: RecordedEvent[] = JSON.parse(eventsText as string)
  if (!expected.every((version) => isPresent(ledger, version))) {
    return reply({ verdict: 'version_conflict' })
  }
  if (events.some((event) => isHashTaken(ledger, event))) return reply({ verdict: 'hash_taken' })
  const versions = new Map(expected.map(({ stream, id, version }) => [stream + id, version]))
  const positions = events.map((event) => {
    if (event.type === 'AccountOpened') ledger.side.secrets.set(event.accountId ?? '', secret ?? '')
    if (event.type === 'AccountErased') ledger.side.secrets.delete(event.accountId ?? '')
    return writeRecorded(ledger, instance, event, versions)
  })
  for (const { type, accountId } of events) {
    if (type === 'PlanStarted') topUp(ledger, instance, accountId ?? '')
  }
  for (const account of accountsThatTake(ledger, events)) {
    grantTrials(ledger, instance, whoIs(ledger, account, 'live'))
  }
  return keep(ledger, command as string, hash as string, { verdict: 'ok', positions })
}

/** The accounts of plans that start at once, in the order in which they get their trials. */
function accountsThatTake({ now }: MemoryLedger, events: readonly RecordedEvent[]): string[] {
  const taken = events.filter(
    ({ type, payload }) => type === 'PlanStarted' && micros(JSON.parse(payload).from) <= now,
  )
  return [...new Set(taken.map(({ accountId = '' }) => accountId))].sort()
}

function isPresent({ state, shard }: MemoryLedger, { stream, id, version }: Expected): boolean {
  const tables = {
    ...{ account: state.account_state, key: state.key_state },
    operatorKey: state.operator_keys,
  }
  return Number(tables[stream].get(`${id} ${shard}`)?.version ?? 0) === version
}

function isHashTaken({ state }: MemoryLedger, { type, payload }: RecordedEvent): boolean {
  if (!['KeyIssued', 'KeyRotated', 'KeyImported'].includes(type)) return false
  const { hash } = JSON.parse(payload)
  return [...state.key_state.values()].some(
    (key) => key.hash === hash || key.previous_hash === hash,
  )
}

function writeRecorded(
  ledger: MemoryLedger,
  instance: string,
  { type, accountId, keyId, mode, payload, private: sealed, actor }: RecordedEvent,
  versions: Map<string, number>,
): number {
  const isVersioned = ['account', 'key'].includes(catalogue[type as EventType].stream)
  const stream = keyId ? `key${keyId}` : `account${accountId}`
  const version = isVersioned ? (versions.get(stream) ?? 0) + 1 : null
  if (version !== null) versions.set(stream, version)
  const who = whoIs(ledger, accountId as string, mode as string)
  return writeCredits(ledger, instance, who, {
    ...{ type, stream_version: version, key_id: keyId ?? null, actor },
    ...{ account_id: (accountId ?? null) as string, mode: (mode ?? null) as string },
    ...{ payload: JSON.parse(payload), private: sealed ? `\\x${sealed}` : null },
  })
}

/** A plan that starts at once tops up an allowance of this month that was granted under the old plan. */
function topUp(ledger: MemoryLedger, instance: string, account: string): void {
  for (const mode of ['live', 'test']) {
    const balance = ledger.state.balances.get(`${account} ${mode} ${ledger.shard}`)
    if (balance?.allowance_month !== monthOf(ledger.now)) continue
    grantAllowance(ledger, instance, whoIs(ledger, account, mode))
  }
}
