/** Appends a batch: append_v1, decided command by command by the rules of test/support/log-rules.ts. */
import { maxAmount } from '../../../events/bounds.ts'
import { batchColumns, eventTypeOfKind, purchaseKinds } from '../../../src/ledger/append/batch.ts'
import type { CallCommand, Verdict } from '../../../src/ledger/append/call-commands.ts'
import {
  availableAt,
  budgetLeft,
  capLeft,
  decide,
  draw,
  drawableAt,
  drawableLots,
  exceededBudget,
  holdOf,
  isCount,
  lotsFor,
  spansOf,
  type Who,
} from '../../support/log-rules.ts'
import type { Row } from '../../support/oracle.ts'
import { tieredCost } from '../../support/tier-rules.ts'
import type { Rows, Text } from '../wire.ts'
import { leaseOf, requestVerdict } from './check-request.ts'
import { claimVerdict } from './claims.ts'
import {
  debtOf,
  grantAllowance,
  grantOverage,
  lapseRollover,
  repayFromLiveLots,
} from './credits.ts'
import { leaveShard } from './head.ts'
import {
  type MemoryEvent,
  type MemoryLedger,
  type MemoryProducer,
  type NewMemoryEvent,
  Refused,
} from './memory-ledger.ts'
import { batchHeadOf, findProducer, keepReply } from './producers.ts'
import { columnsOf, rowsOf, timeText } from './rows.ts'

/** A command with its columns, as append_v1 has them. */
interface Command {
  readonly nth: number
  readonly columns: Readonly<Record<string, Text>>
  readonly payload: Readonly<Record<string, unknown>>
  readonly command: CallCommand
}

/** What a batch knows of the commands before. */
interface Batch {
  readonly instance: string
  /** Idempotency-Keys that its holds have claimed, with their requests. */
  readonly claimed: Map<string, string>
  /** Accounts that it has commands of. */
  readonly touched: Set<string>
  /** Accounts that owed something before it. */
  readonly owing: Map<string, Who>
  /** Holds that it opened: its later commands do not find them. */
  readonly opened: Set<string>
  /** Holds that it resolved: to a claim they are still open. */
  readonly resolved: Set<string>
  /** What its commands run on, by their numbers. */
  readonly leases: ReadonlyMap<number, Row | undefined>
}

interface Result {
  /** With what it costs, where tiers say that. */
  readonly verdict: Verdict | `${Verdict}:${string}`
  readonly position: number
  readonly available: number
}

/** @param values the parameters of `appendStatement` */
export function append(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const head = batchHeadOf(values)
  const known = findProducer(ledger, head)
  if (typeof known === 'string') return rowsOf(columns, [{ outcome: known }])
  if (known) return known
  const { instance } = ledger.side.producers.get(head.producer) as MemoryProducer
  const commands = inOrder(commandsOf(values.slice(firstColumn)))
  const batch: Batch = {
    ...{ instance, claimed: new Map(), touched: new Set(), owing: new Map() },
    ...{ opened: new Set(), resolved: new Set() },
    leases: new Map(commands.map(({ nth, command }) => [nth, leaseOf(ledger, command)])),
  }
  const results: Result[] = []
  for (const command of commands) {
    results[command.nth] = decideCommand(ledger, batch, command)
  }
  for (const who of batch.owing.values()) {
    grantAllowance(ledger, instance, who)
    repayFromLiveLots(ledger, instance, who)
  }
  leaveShard(ledger)
  const { epoch, position, hash } = ledger.head
  const words = (of: (result: Result) => string | number) => results.map(of).join(' ')
  const reply = rowsOf(columns, [
    {
      ...{ outcome: 'appended', recorded_at: timeText(ledger.now) },
      ...{ log_epoch: epoch, log_position: position, log_hash: hash },
      verdicts: words(({ verdict }) => verdict),
      positions: words(({ position }) => position),
      available: words(({ available }) => available),
    },
  ])
  keepReply(ledger, head, reply)
  return reply
}

/** The parameters before the columns of the commands. */
const firstColumn = 10

const columns = columnsOf(
  `outcome text, recorded_at text, log_epoch text, log_position text, log_hash text, verdicts text,
  positions text, available text`,
)

/** The commands of a batch, from the texts that it is packed in: one of nothing is none. */
function commandsOf(texts: readonly Text[]): Command[] {
  const lines = texts.map((text) => (text ? text.split('\n') : []))
  return (lines[0] ?? []).map((_, nth) => {
    const columns = Object.fromEntries(
      batchColumns.map(({ name }, i) => [name, lines[i]?.[nth] || null]),
    )
    const payload = JSON.parse(columns.payload ?? '{}')
    return { nth, columns, payload, command: commandOf(columns, payload) }
  })
}

/** As much of the command as it is decided by. */
function commandOf(columns: Command['columns'], payload: Command['payload']): CallCommand {
  const number = (name: string) => (columns[name] === null ? null : Number(columns[name]))
  return {
    kind: columns.kind,
    requestId: columns.request_id,
    accountId: columns.account_id,
    keyId: columns.key_id,
    keyVersion: number('key_version'),
    accountVersion: number('account_version'),
    previousSecret: columns.previous_secret === 'true',
    mode: columns.mode,
    credits: number('credits'),
    quantity: number('quantity'),
    slots: number('slots'),
    endpoint: columns.endpoint,
    tariff: columns.tariff,
    ...(columns.claim && { claim: { key: columns.claim, requestHash: columns.request_hash } }),
    ...(typeof payload.plan === 'string' && { plan: payload.plan }),
    ...(typeof payload.parts === 'object' && { parts: payload.parts }),
    ...(payload.volume === null && { tiered: { component: payload.volumeOf } }),
    ...(typeof payload.lease === 'string' && { lease: payload.lease }),
    ...(typeof payload.sentCredits === 'number' && {
      sent: { credits: payload.sentCredits, quantity: payload.sentQuantity },
    }),
  } as unknown as CallCommand
}

/** Account by account; within one, as in the batch. */
function inOrder(commands: readonly Command[]): Command[] {
  const account = ({ columns }: Command) => `${columns.account_id} ${columns.mode}`
  return commands.toSorted((a, b) => {
    const [left, right] = [account(a), account(b)]
    return left < right ? -1 : left > right ? 1 : a.nth - b.nth
  })
}

function decideCommand(ledger: MemoryLedger, batch: Batch, of: Command): Result {
  const command = asFound(batch, of.command)
  const { accountId: account_id, mode } = command
  const who: Who = { shard: ledger.shard, account_id, mode, now: ledger.now }
  if (!batch.touched.has(`${account_id} ${mode}`)) lapseRollover(ledger, batch.instance, who)
  batch.touched.add(`${account_id} ${mode}`)
  if (debtOf(ledger, who) > 0) batch.owing.set(`${account_id} ${mode}`, who)
  const isPurchase = purchaseKinds.some((kind) => kind === command.kind)
  if (isCount(command)) return decideCount(ledger, batch, of, who)
  const verdict =
    requestVerdict(ledger, command, batch.leases.get(of.nth)) ??
    (isPurchase
      ? purchaseVerdict(ledger, batch, of, command, who)
      : isInRange(of)
        ? decide(ledger.state, command, who)
        : 'amount_out_of_range')
  if (verdict !== 'ok' && verdict !== 'resumed') {
    return {
      verdict: verdict === 'budget_exceeded' ? exceededVerdict(ledger, of, who) : verdict,
      position: ledger.position,
      available: availableTo(ledger, verdict, command, who),
    }
  }
  const hold = holdOf(ledger.state, command, ledger.shard)
  const priced = asPriced(ledger, of, hold, who)
  const position = isPurchase
    ? writePurchase(ledger, batch, priced, hold, who)
    : writeEnd(ledger, batch, priced, hold, who)
  const outcome = priced === of ? verdict : (`${verdict}:${priced.columns.credits}` as const)
  return { verdict: outcome, position, available: availableAt(ledger.state, who) }
}

/** The refusal names the budget, with tabs in its name, and says when its span ends and how many credits it has. */
function exceededVerdict(ledger: MemoryLedger, of: Command, who: Who): `${Verdict}:${string}` {
  const credits = Number(asPriced(ledger, of, undefined, who).columns.credits)
  const budget = exceededBudget(ledger.state, of.command, who, credits)
  if (!budget) throw new Error('no budget is exceeded')
  return `budget_exceeded:${budget.endsAt}:${budget.credits}:${budget.name.replaceAll(' ', '\t')}`
}

/** A command of a price with tiers, with what it costs and the volume that this goes by. */
function asPriced(ledger: MemoryLedger, of: Command, hold: Row | undefined, who: Who): Command {
  const { command, columns, payload } = of
  switch (command.kind) {
    case 'hold':
    case 'settle':
    case 'charge_on_lease': {
      if (!command.tiered) return of
      const time = command.kind === 'settle' ? Number(hold?.held_at) : who.now
      const cost = tieredCost(volumesOf(ledger), command, ledger.shard, time)
      if (!cost) return of
      return {
        ...of,
        columns: { ...columns, credits: String(cost.credits) },
        payload: { ...payload, volume: cost.volume },
      }
    }
    default:
      return of
  }
}

function volumesOf({ state, bug }: MemoryLedger): MemoryLedger['state'] {
  return bug === 'forgets-volumes' ? { ...state, monthly_volumes: new Map() } : state
}

/** The state is read before the batch: a hold that it opened is not found by its later commands. */
function asFound({ opened }: Batch, command: CallCommand): CallCommand {
  if (isCount(command) || command.kind === 'hold' || command.kind === 'lease') return command
  if ('lease' in command) return opened.has(command.lease) ? { ...command, lease: '' } : command
  return opened.has(command.requestId) ? { ...command, requestId: '' } : command
}

/** The credits that a refusal says are available. */
function availableTo(
  ledger: MemoryLedger,
  verdict: Verdict,
  command: CallCommand,
  who: Who,
): number {
  if (verdict === 'key_cap_reached') return capLeft(ledger.state, command, who)
  if (verdict === 'budget_exceeded') return budgetLeft(ledger.state, command, who)
  if (verdict === 'insufficient_credits') return drawableAt(ledger.state, command, who)
  return availableAt(ledger.state, who)
}

const withCredits: readonly string[] = [...purchaseKinds, 'settle']
const withQuantity = [
  ...['hold', 'extend', 'charge_on_lease', 'void_on_lease', 'settle', 'count', 'count_refused'],
]

/** Amounts are bounded. */
function isInRange({ columns }: Command): boolean {
  const isAmount = (text: Text | undefined) => Number(text) >= 0 && Number(text) <= maxAmount
  const kind = String(columns.kind)
  const { credits = null, quantity = null } = columns
  return (
    (credits === null ? !withCredits.includes(kind) : isAmount(credits)) &&
    (quantity === null ? !withQuantity.includes(kind) : isAmount(quantity))
  )
}

const verdictsOnKey = new Set<Verdict>([
  'stale_key',
  'key_revoked',
  'key_disabled',
  'key_expired',
  'account_frozen',
])

/** A claim is looked up when the key may buy, and before the terms of the purchase. */
function purchaseVerdict(
  ledger: MemoryLedger,
  batch: Batch,
  of: Command,
  command: Exclude<CallCommand, { calls: number }>,
  who: Who,
): Verdict {
  const decided = decide(ledger.state, command, who)
  if (decided === 'budget_exceeded' && ledger.bug === 'forgets-budgets') return 'ok'
  const verdict = verdictsOnKey.has(decided) || isInRange(of) ? decided : 'amount_out_of_range'
  if (command.kind !== 'hold' || !command.claim || verdictsOnKey.has(verdict)) return verdict
  const claimed = claimVerdict(ledger, batch, command.keyId, command.claim)
  return verdict === 'ok' || (claimed !== 'ok' && claimed !== 'resumed') ? claimed : verdict
}

function decideCount(ledger: MemoryLedger, batch: Batch, of: Command, who: Who): Result {
  const { command } = of
  const key = ledger.state.key_state.get(`${command.keyId} ${ledger.shard}`)
  const isOwn = key?.account_id === command.accountId && key.mode === command.mode
  if (isOwn && !isInRange(of)) {
    return { verdict: 'amount_out_of_range', position: ledger.position, available: 0 }
  }
  const position = isOwn
    ? writeEvent(ledger, batch, of, { occurred_at: who.now, credits: null })
    : ledger.position
  return { verdict: isOwn ? 'ok' : 'stale_key', position, available: 0 }
}

function writePurchase(
  ledger: MemoryLedger,
  batch: Batch,
  of: Command,
  hold: Row | undefined,
  who: Who,
): number {
  const { command, columns } = of
  const { state } = ledger
  const old = command.kind === 'extend' ? lotsFor(state, hold, who) : undefined
  if (!old) {
    grantAllowance(ledger, batch.instance, who)
    grantOverage(ledger, batch.instance, who)
  }
  const lots = old ?? drawableLots(state, who)
  const credits = Number(columns.credits)
  const drawn = draw(command.kind === 'lease' ? lots.toReversed() : lots, credits)
  if (command.kind === 'hold' && command.claim) {
    batch.claimed.set(`${command.keyId} ${command.claim.key}`, command.claim.requestHash)
  }
  const requestId = String(columns.request_id)
  if (command.kind !== 'extend') requireNew(ledger, requestId)
  if (command.kind === 'hold' || command.kind === 'lease') batch.opened.add(requestId)
  const isCharge = command.kind === 'charge_on_lease'
  const spans = spansOf(state, command, who)
  return writeEvent(ledger, batch, of, {
    occurred_at: command.kind === 'extend' ? Number(hold?.held_at) : who.now,
    ...{ credits, lots: drawn.lots },
    ...(isCharge ? { moved: drawn.taken } : { held: drawn.taken }),
    ...(spans && { payload: { budgets: spans, ...of.payload } }),
  })
}

/** A request is opened once: the unique index over the events that do so refuses another. */
function requireNew({ byRequest, bug }: MemoryLedger, request: string): void {
  if (bug === 'opens-twice') return
  if (!byRequest.get(request)?.some(opens)) return
  throw new Refused({
    code: '23505',
    message: 'duplicate key value violates unique constraint "events_0000000000000_openings"',
    constraint_name: 'events_0000000000000_openings',
  })
}

function opens({ type, held }: MemoryEvent): boolean {
  return (
    type === 'CreditsHeld' || (held === null && (type === 'HoldSettled' || type === 'HoldReleased'))
  )
}

/** What resolves a hold, and what voids a call on a lease, which moves nothing. */
function writeEnd(
  ledger: MemoryLedger,
  batch: Batch,
  of: Command,
  hold: Row | undefined,
  who: Who,
): number {
  const { command, columns } = of
  if (command.kind === 'void_on_lease') {
    requireNew(ledger, command.requestId)
    return writeEvent(ledger, batch, of, { occurred_at: who.now, credits: 0 })
  }
  const { held_at, lots, held, credits: whole, endpoint, quantity, slots, hold_id } = hold as Row
  batch.resolved.add(String(hold_id))
  const sent = command.kind === 'expire' ? Number((hold as Row).sent_credits) : 0
  // What extensions said was sent is charged: the client has it.
  const isSettled = command.kind === 'settle' || sent > 0
  const charged = sent > 0 ? sent : Number(columns.credits)
  let left = isSettled ? charged : 0
  const taken = (held as number[]).map((credits) => {
    const take = Math.min(credits, left)
    left -= take
    return take
  })
  const spans = (hold as Row).budgets
  const inBudgets = spans ? { budgets: JSON.parse(String(spans)) } : {}
  const ofHold = slots !== null || columns.endpoint === null ? { endpoint, quantity, slots } : {}
  return writeEvent(ledger, batch, of, {
    ...ofHold,
    occurred_at: Number(held_at),
    credits: isSettled ? charged : Number(whole),
    lots: lots as number[],
    held: (held as number[]).map((credits) => 0 - credits),
    moved: isSettled ? taken : null,
    payload: { ...inBudgets, ...of.payload },
    ...(sent > 0 && {
      ...{ type: 'HoldSettled', quantity: Number((hold as Row).sent_quantity) },
      payload: { ...inBudgets, delivered: true, terminatedBy: 'gateway' },
    }),
  })
}

/** An event with the command's columns, and what was decided. */
function writeEvent(
  ledger: MemoryLedger,
  { instance }: Batch,
  { columns, payload }: Command,
  decided: Record<string, unknown>,
): number {
  const number = (name: string) => (columns[name] === null ? null : Number(columns[name]))
  return ledger.write({
    type: eventTypeOfKind[columns.kind as CallCommand['kind']],
    stream_version: null,
    account_id: columns.account_id,
    key_id: columns.key_id,
    mode: columns.mode,
    request_id: columns.request_id,
    endpoint: columns.endpoint,
    tariff: columns.tariff,
    quantity: number('quantity'),
    slots: number('slots'),
    status: number('status'),
    latency_ms: number('latency_ms'),
    ...{ lots: null, held: null, moved: null, private: null },
    actor: columns.actor,
    ...{ instance, payload },
    ...decided,
  } as unknown as NewMemoryEvent)
}
