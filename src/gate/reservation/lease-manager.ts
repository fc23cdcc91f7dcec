/**
 * Keeps the standing holds of this gateway (see standing-holds.ts for when and how much). They are taken and freed
 * beside the calls: a call that finds no place on one holds for itself. A standing hold never changes: when more is
 * needed, another is taken, and one that is too old or too much is freed when the last call on it has ended.
 */

import type { Appender } from '../../ledger/append/appender.ts'
import type { AppendResult, LeaseHold } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-for-calls.ts'
import { newRequestId } from '../../lib/ids.ts'
import {
  acceptsForSeconds,
  canServe,
  exceedsBudget,
  idleMs,
  type Lease,
  leaseSeconds,
  leaseSize,
  type Size,
  suspendedForMs,
} from './lease-policy.ts'
import { purchasePreconditions } from './purchase-preconditions.ts'

/** A call of a key, from before it holds to its end. */
export interface Place {
  /** What it runs on; undefined: it has to hold for itself. */
  readonly standing: OnLease | undefined
  /** The call, which had to hold for itself, was granted its hold for this key: the ledger was asked at this time. */
  held(key: KeyRecord, answer: AppendResult, askedAtMs: number): void
  /** The call has ended. May be called again. */
  leave(): void
}

/** A call's part of a standing hold. */
export interface OnLease {
  readonly holdId: string
  /** Until it is settled, nobody can name the hold: another one is being taken in its place. */
  readonly renewing: Promise<void> | undefined
  /** The ledger's answer to the hold. */
  readonly answer: AppendResult
  /** The ledger sold the call that it was asked for at this time; answers that, what is held for no call added. */
  sold(answer: AppendResult, askedAtMs: number): AppendResult
  /** It was told that the call is not charged; answers that with the same. */
  failed(answer: AppendResult): AppendResult
  /** The ledger did not: nothing more runs on the hold, which is freed at once. */
  refused(): void
  /**
   * What is free does not suffice for the call, or no place is: it holds for itself out of the standing hold. That is
   * freed, the call's hold (`holdAlone` asks for it at once) and one for what else runs there taken in the same batch,
   * so that nobody comes between. The call's place is left.
   */
  splitLease<T>(takeDedicatedHold: () => Promise<T>): Promise<T>
}

/** What a call that could run on a standing hold asks for. */
export interface LeasedCall {
  readonly key: KeyRecord
  /** As the account's limits or its plan say. */
  readonly maxInFlight: number
  /** The upper bound of its price. */
  readonly credits: number
  /** How long it can take until it is settled. */
  readonly seconds: number
}

export interface LeaseManager {
  enter(call: LeasedCall): Place
  /**
   * The ledger refused a call for want of credits or places, which may be those held ahead: what is held ahead for the
   * account is freed, and no more is for a while.
   */
  releaseLeases(key: KeyRecord): void
  /** Frees what no call uses, and waits until the ledger has been told. */
  close(): Promise<void>
}

interface Kept extends Lease {
  id: string
  calls: number
  credits: number
  item: LeaseHold
  renewing: Promise<void> | undefined
  readonly answer: AppendResult
  /** No call begins on it any more. */
  retired: boolean
}

interface KeyState {
  readonly account: string
  /** In flight. */
  calls: number
  credits: number
  /** Those that are not freed. */
  readonly holds: Set<Kept>
  /** A standing hold is on its way. */
  asking: boolean
  lastCallAtMs: number
  /** Calls begun in the last whole second, and in the one that began at `secondAtMs`. */
  lastSecond: number
  thisSecond: number
  secondAtMs: number
}

export function openLeaseManager(
  appenderOf: (shard: number) => Appender,
  gateways: number,
  log: (message: string, error?: unknown) => void,
): LeaseManager {
  const keys = new Map<string, KeyState>()
  /** Accounts for which nothing is held ahead, until when. */
  const leasingSuspended = new Map<string, number>()
  /** What is held ahead for all keys of an account, or asked for. */
  const accounts = new Map<string, Size>()
  const freeing = new Set<Promise<unknown>>()
  let closed = false
  const looking = setInterval(retireSome, idleMs / 4)

  function enter(call: LeasedCall): Place {
    const { keyId } = call.key
    const state = keys.get(keyId) ?? newState(keys, call.key)
    const nowMs = performance.now()
    state.calls++
    state.credits += call.credits
    state.lastCallAtMs = nowMs
    countBegun(state, nowMs)
    const hold = holdFor(state, call, nowMs)
    if (hold) {
      hold.freeCalls--
      hold.freeCredits -= call.credits
    }
    let left = false
    return {
      standing: hold && onLeaseSlot(state, hold, call, leave),
      held(key, answer, askedAtMs) {
        for (const each of state.holds) {
          if (isDecidedAlike(each.item, key)) each.soldAtMs = Math.max(each.soldAtMs, askedAtMs)
          else retire(state, each)
        }
        if (!closed && !state.asking) void takeMore(state, { ...call, key }, answer.available)
      },
      leave,
    }

    function leave(): void {
      if (left) return
      left = true
      state.calls--
      state.credits -= call.credits
      if (hold) {
        hold.freeCalls++
        hold.freeCredits += call.credits
        freeUnused(state, hold)
      }
    }
  }

  function onLeaseSlot(
    state: KeyState,
    hold: Kept,
    { credits }: LeasedCall,
    leave: () => void,
  ): OnLease {
    return {
      get holdId() {
        return hold.id
      },
      get renewing() {
        return hold.renewing
      },
      answer: hold.answer,
      sold(answer, askedAtMs) {
        hold.soldAtMs = Math.max(hold.soldAtMs, askedAtMs)
        if (exceedsBudget(onLease(state), answer.available)) retireAll(state)
        return withUnused(state, hold, credits, answer)
      },
      failed: (answer) => withUnused(state, hold, credits, answer),
      refused() {
        hold.retired = true
        free(state, hold)
      },
      async splitLease(takeDedicatedHold) {
        hold.retired = true
        while (hold.renewing) await hold.renewing
        leave()
        const runsOn = state.holds.has(hold)
        if (runsOn) release(hold)
        const own = takeDedicatedHold()
        if (runsOn) hold.renewing = holdForTheRest(state, hold)
        return own
      },
    }
  }

  /** Another hold in place of one that was freed, for no more than runs on it. */
  async function holdForTheRest(state: KeyState, hold: Kept): Promise<void> {
    hold.calls -= hold.freeCalls
    hold.credits -= hold.freeCredits
    hold.freeCalls = 0
    hold.freeCredits = 0
    hold.id = newRequestId()
    const { calls: slots, credits } = hold
    hold.item = { ...hold.item, requestId: hold.id, slots, credits }
    count(hold.item, 1)
    try {
      // What names it in the same batch would find no hold.
      const { verdict } = await appenderOf(hold.answer.shard).append(hold.item)
      // What runs on it has to hold for itself at its end, then.
      if (verdict !== 'ok' && state.holds.delete(hold)) count(hold.item, -1)
    } catch (error) {
      log('nothing is held ahead: the ledger cannot be reached', error)
    } finally {
      hold.renewing = undefined
    }
  }

  async function takeMore(state: KeyState, call: LeasedCall, available: number): Promise<void> {
    const { maxInFlight } = call
    if (leasingSuspended.has(state.account)) return
    const ahead = accounts.get(accountOf(call.key)) ?? { calls: 0, credits: 0 }
    const lastSecond = Math.max(state.lastSecond, state.thisSecond)
    const inFlight = { calls: state.calls, credits: state.credits, lastSecond }
    const size = leaseSize(inFlight, onLease(state), { available, maxInFlight, gateways, ahead })
    if (!size) return
    const item = leaseHoldCommand(call, size)
    const askedAtMs = performance.now()
    state.asking = true
    count(item, 1)
    try {
      const answer = await appenderOf(call.key.shard).append(item)
      // What was refused is asked for again by the next call that holds for itself.
      if (answer.verdict !== 'ok') return count(item, -1)
      const hold: Kept = {
        ...{ item, answer, id: item.requestId, calls: size.calls, credits: size.credits },
        ...{ freeCalls: size.calls, freeCredits: size.credits },
        ...{ soldAtMs: askedAtMs, retired: closed || leasingSuspended.has(state.account) },
        renewing: undefined,
        acceptsUntilMs: askedAtMs + acceptsForSeconds * 1_000,
        expiresAtMs: askedAtMs + item.holdSeconds * 1_000,
      }
      state.holds.add(hold)
      freeUnused(state, hold)
    } catch (error) {
      count(item, -1)
      log('nothing is held ahead: the ledger cannot be reached', error)
    } finally {
      state.asking = false
    }
  }

  function count(item: LeaseHold, sign: 1 | -1): void {
    const { calls, credits } = accounts.get(accountOf(item)) ?? { calls: 0, credits: 0 }
    const size = { calls: calls + sign * item.slots, credits: credits + sign * item.credits }
    if (size.calls === 0) accounts.delete(accountOf(item))
    else accounts.set(accountOf(item), size)
  }

  function retireAll(state: KeyState): void {
    for (const hold of state.holds) retire(state, hold)
  }

  function retire(state: KeyState, hold: Kept): void {
    hold.retired = true
    freeUnused(state, hold)
  }

  function freeUnused(state: KeyState, hold: Kept): void {
    if (hold.retired && hold.freeCalls === hold.calls) free(state, hold)
  }

  /** Tells the ledger; should it be away, the hold expires by itself. */
  function free(state: KeyState, hold: Kept): void {
    if (hold.renewing) void hold.renewing.then(() => free(state, hold))
    else if (state.holds.delete(hold)) release(hold)
  }

  function release(hold: Kept): void {
    count(hold.item, -1)
    const { requestId, accountId, keyId, mode, tariff, actor } = hold.item
    const told = appenderOf(hold.answer.shard)
      .append({
        ...{ kind: 'release', requestId, accountId, keyId, mode, tariff, actor },
        ...{ endpoint: null, reason: 'lease_released', latencyMs: 0 },
      })
      .catch((error) => log('what was held ahead waits for its expiry', error))
      .finally(() => freeing.delete(told))
    freeing.add(told)
  }

  /** Those of a key that has fallen quiet, and those that have served their time. */
  function retireSome(): void {
    const nowMs = performance.now()
    for (const [keyId, state] of keys) {
      const isIdle = nowMs - state.lastCallAtMs > idleMs
      if (isIdle) retireAll(state)
      for (const hold of state.holds) {
        hold.retired ||= nowMs > hold.acceptsUntilMs
        freeUnused(state, hold)
      }
      if (isIdle && state.calls === 0 && state.holds.size === 0 && !state.asking) {
        keys.delete(keyId)
      }
    }
    for (const [account, untilMs] of leasingSuspended)
      if (nowMs > untilMs) leasingSuspended.delete(account)
  }

  function releaseLeases(key: KeyRecord): void {
    const account = accountOf(key)
    const isNew = !leasingSuspended.has(account)
    leasingSuspended.set(account, performance.now() + suspendedForMs)
    if (!isNew) return
    for (const state of keys.values()) if (state.account === account) retireAll(state)
  }

  return {
    enter,
    releaseLeases,
    async close() {
      closed = true
      clearInterval(looking)
      for (const state of keys.values()) {
        retireAll(state)
        for (const hold of state.holds) free(state, hold)
      }
      await Promise.all(freeing)
    },
  }
}

/** What is held ahead for no call is the account's to use, and what this call had of it, which has ended. */
function withUnused(
  { holds }: KeyState,
  hold: Kept,
  credits: number,
  answer: AppendResult,
): AppendResult {
  let available = answer.available + (holds.has(hold) ? credits : 0)
  for (const { freeCredits } of holds) available += freeCredits
  return { ...answer, available }
}

/** Live and test calls are counted apart, as their credits are. */
function accountOf({ accountId, mode }: Pick<KeyRecord, 'accountId' | 'mode'>): string {
  return `${accountId} ${mode}`
}

/** The first on which the call may run. */
function holdFor({ holds }: KeyState, call: LeasedCall, nowMs: number): Kept | undefined {
  for (const hold of holds) {
    if (!hold.retired && isDecidedAlike(hold.item, call.key) && canServe(hold, call, nowMs))
      return hold
  }
  return undefined
}

/** That one key is sold to says nothing of what the same key was before it changed, or of another tariff. */
function isDecidedAlike(hold: LeaseHold, key: KeyRecord): boolean {
  return (
    hold.keyVersion === key.keyVersion &&
    hold.accountVersion === key.accountVersion &&
    hold.tariff === key.tariff
  )
}

/** All that is not freed yet, whether calls begin on it or are only to end. */
function onLease({ holds }: KeyState): Size {
  let [calls, credits] = [0, 0]
  for (const hold of holds) {
    calls += hold.calls
    credits += hold.credits
  }
  return { calls, credits }
}

function countBegun(state: KeyState, nowMs: number): void {
  const sinceMs = nowMs - state.secondAtMs
  if (sinceMs >= 1_000) {
    state.lastSecond = sinceMs < 2_000 ? state.thisSecond : 0
    state.thisSecond = 0
    state.secondAtMs = nowMs
  }
  state.thisSecond++
}

function newState(keys: Map<string, KeyState>, key: KeyRecord): KeyState {
  const state = {
    ...{ account: accountOf(key), calls: 0, credits: 0, holds: new Set<Kept>() },
    ...{ asking: false, lastCallAtMs: 0, lastSecond: 0, thisSecond: 0, secondAtMs: 0 },
  }
  keys.set(key.keyId, state)
  return state
}

function leaseHoldCommand({ key, seconds }: LeasedCall, { calls, credits }: Size): LeaseHold {
  return {
    ...{ kind: 'lease', ...purchasePreconditions(key), requestId: newRequestId() },
    ...{ tariff: key.tariff, credits, slots: calls },
    holdSeconds: leaseSeconds(seconds),
  }
}
