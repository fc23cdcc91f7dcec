/**
 * A ledger (see test-ledger.ts) for tests of reports: plans that cost something, and the verbs of a bill. Every
 * verb throws when the ledger refuses, so that a test cannot report on what did not happen.
 */
import type { NewEvent } from '../../events/new-event.ts'
import type { Tariff } from '../../src/config/tariff.ts'
import type { AppendResult, Hold } from '../../src/ledger/append/call-commands.ts'
import type {
  ManagementCommands,
  ManagementResult,
  RefundCommand,
} from '../../src/ledger/commands/management-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { catchUpAll } from './catch-up-all.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from './test-ledger.ts'

export type { TestKey } from './test-ledger.ts'

/** What a test says about a call; the rest has plain defaults. */
export interface TestCall {
  readonly credits: number
  readonly quantity?: number
  readonly endpoint?: string
}

export interface LedgerBuilder extends AsyncDisposable {
  readonly ledger: Ledger
  readonly url: string
  /** As the owner. */
  readonly sql: Sql
  /** Puts the clock to a time, of up to microseconds. */
  at(time: string): Promise<void>
  /** Opens an account on a plan (zero, free 100, pro 1,000, big 10,000 credits a month), with a live key. */
  openAccount(plan?: string): Promise<TestKey>
  issueKey(account: TestAccount, mode?: 'live' | 'test'): Promise<TestKey>
  startPlan(account: TestAccount, plan: string, from: string): Promise<ManagementResult>
  /** Returns the call's request id. */
  hold(key: TestKey, call: TestCall): Promise<string>
  extend(key: TestKey, requestId: string, credits: number): Promise<AppendResult>
  settle(requestId: string, credits: number, quantity?: number): Promise<AppendResult>
  release(requestId: string): Promise<AppendResult>
  expire(requestId: string): Promise<AppendResult>
  /** Holds and settles at once. */
  charge(key: TestKey, call: TestCall): Promise<string>
  count(key: TestKey, calls: number, endpoint?: string): Promise<AppendResult>
  /** Grants a paid lot without expiry, unless `more` says otherwise. */
  grant(
    key: TestKey,
    credits: number,
    more?: Partial<Parameters<ManagementCommands['grant']>[1]>,
  ): Promise<ManagementResult>
  adjust(key: TestKey, credits: number, externalId?: string): Promise<ManagementResult>
  refund(command: Omit<RefundCommand, 'actor'>): Promise<ManagementResult>
  /** Brings daily usage up to the log's end. */
  catchUp(): Promise<void>
}

const plans = {
  zero: plan(0, 0),
  free: plan(100, 0),
  pro: plan(1_000, 4_900),
  big: plan(10_000, 19_900),
}

export const billedTariff: Tariff = { plans, prices: { search: { per: 'request', credits: 1 } } }

/** The clock stands in June 2030 until it is moved. */
export async function buildLedger(): Promise<LedgerBuilder> {
  const ledger = await openLedger({ tariff: billedTariff })
  const { sql, commands } = ledger
  const calls = new Map<string, Hold>()

  function callOf(requestId: string): Hold {
    const call = calls.get(requestId)
    if (!call) throw new Error(`no call ${requestId}`)
    return call
  }

  function startPlan(account: TestAccount, plan: string, from: string): Promise<ManagementResult> {
    return ledger.change(account, 'PlanStarted', planStarted(plan, from).payload)
  }

  const builder: LedgerBuilder = {
    ledger,
    url: ledger.url,
    sql,
    startPlan,
    async at(time) {
      await ledger.travelTo(time)
      await ledger.owner.unsafe(`create or replace function ledger_now() returns timestamptz
        language sql volatile as $$ select timestamptz '${time}' $$`)
    },
    async openAccount(plan = 'free') {
      // On the plan without a fee first, and at once on the one asked for, with its fee.
      const account = await ledger.account({ plan: 'zero' })
      await startPlan(account, plan, ledger.now.toISOString())
      return ledger.key(account)
    },
    issueKey: (account, mode = 'live') => ledger.key(account, { mode }),
    async hold(key, { credits, quantity = 1, endpoint = 'search' }) {
      const held = await ledger.hold(key, credits, { quantity, endpoint })
      calls.set(accepted(held).hold.requestId, held.hold)
      return held.hold.requestId
    },
    async extend(key, requestId, credits) {
      return accepted(await ledger.extend(key, callOf(requestId), credits))
    },
    async settle(requestId, credits, quantity) {
      const call = callOf(requestId)
      const more = { quantity: quantity ?? call.quantity, latencyMs: 20 }
      return accepted(await ledger.settle(call, credits, more))
    },
    release: async (requestId) => accepted(await ledger.release(callOf(requestId))),
    expire: async (requestId) => accepted(await ledger.expire(callOf(requestId))),
    async charge(key, call) {
      const requestId = await builder.hold(key, call)
      await builder.settle(requestId, call.credits)
      return requestId
    },
    count: async (key, calls, endpoint = 'voices') =>
      accepted(await ledger.count(key, calls, { endpoint, latencyMsSum: calls * 5 })),
    async grant({ accountId, mode, account }, credits, more = {}) {
      const startsAt = ledger.now.toISOString()
      const lot = { accountId, mode, credits, kind: 'paid' as const, startsAt }
      return accepted(await commands.grant(account.shard, { ...lot, actor: 'test', ...more }))
    },
    async adjust({ accountId, mode, account }, credits, externalId) {
      const command = { accountId, mode, credits, actor: 'test' }
      const id = externalId ? { externalId } : {}
      return accepted(await commands.adjust(account.shard, { ...command, ...id }))
    },
    refund: async (command) => accepted(await commands.refund(0, { ...command, actor: 'test' })),
    catchUp: () => catchUpAll(sql),
    [Symbol.asyncDispose]: () => ledger.close(),
  }
  return builder
}

function accepted<T extends { readonly verdict: string }>(result: T): T {
  if (result.verdict !== 'ok') throw new Error(`refused: ${result.verdict}`)
  return result
}

function planStarted(plan: string, from: string): NewEvent {
  const fee = plans[plan as keyof typeof plans]?.fee
  return { type: 'PlanStarted', payload: { plan, from: new Date(from).toISOString(), fee } }
}

function plan(credits: number, minorUnits: number) {
  return {
    ...{ rateLimit: 1_000, windowMs: 60_000, credits, maxInFlight: 10_000 },
    ...{ endpoints: 'all' as const, fee: { minorUnits, currency: 'EUR' }, grantable: true },
  }
}
