/**
 * A gateway as the ledger sees one: an appender with a producer and a connection of its own, and shorthands for
 * the items of a call. The shorthands that build items stand alone, for tests that make batches themselves.
 */

import {
  type Appender,
  type AppenderOptions,
  openAppender,
} from '../../src/ledger/append/appender.ts'
import {
  type Answer,
  anyEndpoint,
  type CallCommand,
  type ChargeOnLease,
  type Count,
  type Expire,
  type Extend,
  type Hold,
  type Release,
  type Settle,
  type VoidOnLease,
} from '../../src/ledger/append/call-commands.ts'
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
}

type Call = Pick<
  Hold,
  'requestId' | 'accountId' | 'keyId' | 'mode' | 'endpoint' | 'tariff' | 'actor'
>
export type HoldAnswer = Answer & { readonly hold: Hold }

export function holdCommand(key: KeyAtGate, credits: number, more: Partial<Hold> = {}): Hold {
  return {
    kind: 'hold',
    requestId: newRequestId(),
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

/** A standing hold, for so many calls at once. */
export function leaseCommand(
  key: KeyAtGate,
  credits: number,
  calls: number,
  more: Partial<Hold> = {},
): Hold {
  return holdCommand(key, credits, { endpoint: anyEndpoint, quantity: calls, ...more })
}

/** A call that ran on a standing hold, bought by the key as it is now. */
export function chargeOnLeaseCommand(
  key: KeyAtGate,
  standing: { readonly requestId: string },
  credits: number,
  more: Partial<ChargeOnLease> = {},
): ChargeOnLease {
  const { holdSeconds, kind, ...bought } = holdCommand(key, credits)
  return {
    ...{ kind: 'charge_on_lease', ...bought, hold: standing.requestId, status: 200, latencyMs: 5 },
    ...more,
  }
}

export function voidOnLeaseCommand(
  key: KeyAtGate,
  standing: { readonly requestId: string },
  more: Partial<VoidOnLease> = {},
): VoidOnLease {
  return {
    ...{ kind: 'void_on_lease', ...call(holdCommand(key, 0)), hold: standing.requestId },
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

export function releaseCommand(hold: Call, more: Partial<Release> = {}): Release {
  return { kind: 'release', ...call(hold), reason: 'upstream_failed', latencyMs: 5, ...more }
}

export function expireCommand(hold: Call): Expire {
  return { kind: 'expire', ...call(hold) }
}

export function countCommand(key: KeyAtGate, calls: number, more: Partial<Count> = {}): Count {
  const { accountId, keyId, mode } = key
  return {
    ...{ kind: 'count', accountId, keyId, mode, endpoint: 'prices', actor: `key:${keyId}` },
    ...{ calls, errors: 0, latencyMsSum: calls },
    ...more,
  }
}

function call({ requestId, accountId, keyId, mode, endpoint, tariff, actor }: Call): Call {
  return { requestId, accountId, keyId, mode, endpoint, tariff, actor }
}

export interface Gateway {
  readonly appender: Appender
  /** The appender's one connection. */
  readonly sql: Sql
  readonly append: (item: CallCommand) => Promise<Answer>
  /** Answers with the hold, to be named when it is settled, released or expired. */
  hold(key: KeyAtGate, credits: number, more?: Partial<Hold>): Promise<HoldAnswer>
  extend(key: KeyAtGate, hold: Call, credits: number, more?: Partial<Extend>): Promise<Answer>
  settle(hold: Call, credits: number, more?: Partial<Settle>): Promise<Answer>
  release(hold: Call, more?: Partial<Release>): Promise<Answer>
  expire(hold: Call): Promise<Answer>
  count(key: KeyAtGate, calls: number, more?: Partial<Count>): Promise<Answer>
  close(): Promise<void>
}

/** @param url the ledger's database; the connection takes the serving role */
export function openGateway(
  url: string,
  instance: string,
  options: Partial<Pick<AppenderOptions, 'shard' | 'deadlineMs' | 'observe'>> = {},
): Gateway {
  const sql = connect({ url, as: 'serving', max: 1 })
  const appender = openAppender({
    sql,
    shard: 0,
    instance,
    deadlineMs: 20_000,
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
