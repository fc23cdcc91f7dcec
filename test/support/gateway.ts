/**
 * A gateway as the ledger sees one: an appender with a producer and a connection of its own, and shorthands for
 * the commands of a call. The shorthands that build commands stand alone, for tests that make batches themselves.
 */

import { openAppendConnection } from '../../src/ledger/append/append-connection.ts'
import {
  type Appender,
  type AppenderOptions,
  openAppender,
} from '../../src/ledger/append/appender.ts'
import type {
  AppendResult,
  CallCommand,
  ChargeOnLease,
  Count,
  CountRefused,
  Expire,
  Extend,
  Hold,
  LeaseHold,
  Release,
  ReleaseReason,
  Settle,
  VoidOnLease,
} from '../../src/ledger/append/call-commands.ts'
import { HighWaterMarks } from '../../src/ledger/append/high-water-marks.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { newRequestId } from '../../src/lib/ids.ts'

/** What a hold says of its key: the versions are those that the gateway decided by. */
export interface KeyAtGate {
  readonly shard: number
  readonly keyId: string
  readonly accountId: string
  readonly mode: 'live' | 'test'
  readonly version: number
  readonly account: { readonly version: number }
  readonly tariff: () => string
  /** The ledger's time, which is in the ids of requests. Without it: this machine's. */
  readonly now?: (() => Date) | undefined
}

type Call = Pick<
  Hold,
  'requestId' | 'accountId' | 'keyId' | 'mode' | 'endpoint' | 'tariff' | 'plan' | 'tiered' | 'actor'
>
/** A hold of a call, or a lease, which has no endpoint. */
type OpenHold = Omit<Call, 'endpoint'> & { readonly endpoint?: string | null }
export type HoldResult = AppendResult & { readonly hold: Hold }

export function holdCommand(key: KeyAtGate, credits: number, more: Partial<Hold> = {}): Hold {
  return {
    kind: 'hold',
    requestId: newRequestId(key.now?.().getTime()),
    accountId: key.accountId,
    keyId: key.keyId,
    mode: key.mode,
    endpoint: 'search',
    tariff: key.tariff(),
    actor: `key:${key.keyId}`,
    keyVersion: key.version,
    accountVersion: key.account.version,
    previousSecret: false,
    credits,
    quantity: credits,
    holdSeconds: 60,
    ...more,
  }
}

/** Extends a hold by credits, decided by the key as it is now. */
export function extendCommand(
  key: KeyAtGate,
  hold: Call,
  credits: number,
  more: Partial<Extend> = {},
): Extend {
  return {
    kind: 'extend',
    ...call(hold),
    keyVersion: key.version,
    accountVersion: key.account.version,
    previousSecret: false,
    credits,
    quantity: credits,
    holdSeconds: 60,
    ...more,
  }
}

/** A lease, for as many calls at once as it has slots. */
export function leaseCommand(
  key: KeyAtGate,
  credits: number,
  slots: number,
  more: Partial<LeaseHold> = {},
): LeaseHold {
  const { kind, endpoint, quantity, ...held } = holdCommand(key, credits)
  return { kind: 'lease', ...held, slots, ...more }
}

/** A call that ran on a lease, charged by the key as it is now. */
export function chargeOnLeaseCommand(
  key: KeyAtGate,
  lease: { readonly requestId: string },
  credits: number,
  more: Partial<ChargeOnLease> = {},
): ChargeOnLease {
  const { holdSeconds, kind, ...purchase } = holdCommand(key, credits)
  return {
    ...{ kind: 'charge_on_lease', ...purchase, lease: lease.requestId, status: 200, latencyMs: 5 },
    ...more,
  }
}

export function voidOnLeaseCommand(
  key: KeyAtGate,
  lease: { readonly requestId: string },
  more: Partial<VoidOnLease> = {},
): VoidOnLease {
  return {
    ...{ kind: 'void_on_lease', ...call(holdCommand(key, 0)), lease: lease.requestId },
    ...{ quantity: 1, reason: 'upstream_failed', status: 502, latencyMs: 5, ...more },
  }
}

export function settleCommand(hold: Call, credits: number, more: Partial<Settle> = {}): Settle {
  return {
    kind: 'settle',
    ...call(hold),
    credits,
    quantity: credits,
    status: 200,
    latencyMs: 5,
    ...more,
  }
}

/** A release as tests make it: with any text as its reason. */
export type ReleaseFields = Partial<Omit<Release, 'reason'>> & { readonly reason?: string }

export function releaseCommand(hold: OpenHold, more: ReleaseFields = {}): Release {
  const reason = (more.reason ?? 'upstream_failed') as ReleaseReason
  return { kind: 'release', ...openHold(hold), latencyMs: 5, ...more, reason }
}

export function expireCommand(hold: OpenHold): Expire {
  return { kind: 'expire', ...openHold(hold) }
}

export function countCommand(key: KeyAtGate, calls: number, more: Partial<Count> = {}): Count {
  const { accountId, keyId, mode } = key
  return {
    ...{ kind: 'count', accountId, keyId, mode, endpoint: 'prices', actor: `key:${keyId}` },
    ...{ calls, errors: 0, latencyMsSum: calls },
    ...more,
  }
}

export function countRefusedCommand(key: KeyAtGate, calls: number, reason: string): CountRefused {
  const { accountId, keyId, mode } = key
  const actor = `key:${keyId}`
  return { kind: 'count_refused', accountId, keyId, mode, endpoint: 'prices', actor, calls, reason }
}

function call(of: Call): Call {
  const { requestId, accountId, keyId, mode, endpoint, tariff, plan, tiered, actor } = of
  return { requestId, accountId, keyId, mode, endpoint, tariff, plan, tiered, actor }
}

function openHold({ endpoint = null, ...hold }: OpenHold) {
  const { requestId, accountId, keyId, mode, tariff, actor } = hold
  return { requestId, accountId, keyId, mode, endpoint, tariff, actor }
}

export interface Gateway {
  readonly appender: Appender
  /** The appender's one connection. */
  readonly sql: Sql
  readonly append: (command: CallCommand) => Promise<AppendResult>
  /** Resolves to the hold, too, for the command that settles, releases or expires it. */
  hold(key: KeyAtGate, credits: number, more?: Partial<Hold>): Promise<HoldResult>
  extend(key: KeyAtGate, hold: Call, credits: number, more?: Partial<Extend>): Promise<AppendResult>
  settle(hold: Call, credits: number, more?: Partial<Settle>): Promise<AppendResult>
  release(hold: OpenHold, more?: ReleaseFields): Promise<AppendResult>
  expire(hold: OpenHold): Promise<AppendResult>
  count(key: KeyAtGate, calls: number, more?: Partial<Count>): Promise<AppendResult>
  close(): Promise<void>
}

/** @param url the ledger's database; the connection takes the role of calls */
export function openGateway(
  url: string,
  instance: string,
  options: Partial<Pick<AppenderOptions, 'shard' | 'timeoutMs' | 'onBatch'>> = {},
): Gateway {
  const sql = connect({ url, as: 'calls', max: 1 })
  const appender = openAppender({
    connection: openAppendConnection(sql),
    marks: new HighWaterMarks(),
    shard: 0,
    instance,
    timeoutMs: 20_000,
    ...options,
  })
  const { append } = appender
  return {
    appender,
    sql,
    append,
    async hold(key, credits, more) {
      const hold = holdCommand(key, credits, more)
      return { ...(await append(hold)), hold }
    },
    extend: (key, hold, credits, more) => append(extendCommand(key, hold, credits, more)),
    settle: (hold, credits, more) => append(settleCommand(hold, credits, more)),
    release: (hold, more) => append(releaseCommand(hold, more)),
    expire: (hold) => append(expireCommand(hold)),
    count: (key, calls, more) => append(countCommand(key, calls, more)),
    async close() {
      appender.close()
      await sql.end({ timeout: 5 })
    },
  }
}
