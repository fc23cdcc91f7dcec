/**
 * Keeps the standing holds of this gateway (see standing-holds.ts for when and how much). They are taken and freed
 * beside the calls: a call that finds no place on one holds for itself. A standing hold never changes: when more is
 * needed, another is taken, and one that is too old or too much is freed when the last call on it has ended.
 */
import { newRequestId } from '../ids.ts'
import type { Appender } from '../ledger/appender.ts'
import { type Answer, anyEndpoint, type Hold } from '../ledger/items.ts'
import type { KeyRecord } from '../ledger/read.ts'
import {
  goodForSeconds,
  isTooMuch,
  mayRun,
  quietMs,
  type Size,
  type StandingHold,
  secondsAhead,
  sizeAhead,
} from './standing-holds.ts'

/** A call of a key, from before it holds to its end. */
export interface Place {
  /** What it runs on; undefined: it has to hold for itself. */
  readonly standing: OnStanding | undefined
  /** The call, which had to hold for itself, was granted its hold: the book was asked at this time. */
  held(answer: Answer, askedAtMs: number): void
  /** The call has ended. May be called again. */
  leave(): void
}

/** A call's part of a standing hold. */
export interface OnStanding {
  readonly holdId: string
  /** The book's answer to the hold. */
  readonly answer: Answer
  /** The book sold the call that it was asked for at this time; answers that, what is held for no call added. */
  sold(answer: Answer, askedAtMs: number): Answer
  /** It was told that the call is not charged; answers that with the same. */
  failed(answer: Answer): Answer
  /** The book did not: nothing more runs on the hold, which is freed at once. */
  refused(): void
}

/** What a call that could run on a standing hold asks for. */
export interface CallAhead {
  readonly key: KeyRecord
  /** As the account's limits or its plan say. */
  readonly mostInFlight: number
  /** The upper bound of its price. */
  readonly credits: number
  /** How long it can take until it is settled. */
  readonly seconds: number
}

export interface HoldingAhead {
  enter(call: CallAhead): Place
  /** Frees what no call uses, and waits until the book has been told. */
  close(): Promise<void>
}

interface Kept extends StandingHold {
  readonly item: Hold
  readonly answer: Answer
  /** No call begins on it any more. */
  retired: boolean
}

interface KeyState {
  /** In flight. */
  calls: number
  credits: number
  /** Those that are not freed. */
  readonly holds: Set<Kept>
  /** A standing hold is on its way. */
  asking: boolean
  lastCallAtMs: number
}

export function openHoldingAhead(
  appenderOf: (shard: number) => Appender,
  gateways: number,
  log: (message: string, error?: unknown) => void,
): HoldingAhead {
  const keys = new Map<string, KeyState>()
  /** What is held ahead for all keys of an account, or asked for. */
  const accounts = new Map<string, Size>()
  const freeing = new Set<Promise<unknown>>()
  let closed = false
  const looking = setInterval(retireSome, quietMs / 4)

  function enter(call: CallAhead): Place {
    const { keyId } = call.key
    const state = keys.get(keyId) ?? newState(keys, keyId)
    const nowMs = performance.now()
    state.calls++
    state.credits += call.credits
    state.lastCallAtMs = nowMs
    const hold = holdFor(state, call, nowMs)
    if (hold) {
      hold.freeCalls--
      hold.freeCredits -= call.credits
    }
    let left = false
    return {
      standing: hold && onStanding(state, hold, call),
      held(answer, askedAtMs) {
        for (const each of state.holds) each.soldAtMs = Math.max(each.soldAtMs, askedAtMs)
        if (!closed && !state.asking) void takeMore(state, call, answer.available)
      },
      leave() {
        if (left) return
        left = true
        state.calls--
        state.credits -= call.credits
        if (hold) {
          hold.freeCalls++
          hold.freeCredits += call.credits
          freeUnused(state, hold)
        }
        forgetUnused(keyId, state)
      },
    }
  }

  function onStanding(state: KeyState, hold: Kept, { credits }: CallAhead): OnStanding {
    return {
      holdId: hold.id,
      answer: hold.answer,
      sold(answer, askedAtMs) {
        hold.soldAtMs = Math.max(hold.soldAtMs, askedAtMs)
        if (isTooMuch(heldAhead(state), answer.available)) retireAll(state)
        return withUnused(state, hold, credits, answer)
      },
      failed: (answer) => withUnused(state, hold, credits, answer),
      refused() {
        hold.retired = true
        free(state, hold)
      },
    }
  }

  async function takeMore(state: KeyState, call: CallAhead, available: number): Promise<void> {
    const { mostInFlight } = call
    const ahead = accounts.get(accountOf(call.key)) ?? { calls: 0, credits: 0 }
    const size = sizeAhead(state, heldAhead(state), { available, mostInFlight, gateways, ahead })
    if (!size) return
    const item = itemFor(call, size)
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
        ...{ soldAtMs: askedAtMs, retired: closed },
        goodUntilMs: askedAtMs + goodForSeconds * 1_000,
        aliveUntilMs: askedAtMs + item.holdSeconds * 1_000,
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

  function count(item: Hold, sign: 1 | -1): void {
    const { calls, credits } = accounts.get(accountOf(item)) ?? { calls: 0, credits: 0 }
    const size = { calls: calls + sign * item.quantity, credits: credits + sign * item.credits }
    if (size.calls === 0) accounts.delete(accountOf(item))
    else accounts.set(accountOf(item), size)
  }

  function retireAll(state: KeyState): void {
    for (const hold of state.holds) {
      hold.retired = true
      freeUnused(state, hold)
    }
  }

  function freeUnused(state: KeyState, hold: Kept): void {
    if (hold.retired && hold.freeCalls === hold.calls) free(state, hold)
  }

  /** Tells the book; should it be away, the hold expires by itself. */
  function free(state: KeyState, hold: Kept): void {
    if (!state.holds.delete(hold)) return
    count(hold.item, -1)
    const { requestId, accountId, keyId, mode, endpoint, tariff, actor } = hold.item
    const told = appenderOf(hold.answer.shard)
      .append({
        ...{ kind: 'release', requestId, accountId, keyId, mode, endpoint, tariff, actor },
        ...{ reason: 'held_ahead', latencyMs: 0 },
      })
      .catch((error) => log('what was held ahead waits for its expiry', error))
      .finally(() => freeing.delete(told))
    freeing.add(told)
  }

  /** Those of a key that has fallen quiet, and those that have served their time. */
  function retireSome(): void {
    const nowMs = performance.now()
    for (const [keyId, state] of keys) {
      if (nowMs - state.lastCallAtMs > quietMs) retireAll(state)
      for (const hold of state.holds) {
        hold.retired ||= nowMs > hold.goodUntilMs
        freeUnused(state, hold)
      }
      forgetUnused(keyId, state)
    }
  }

  function forgetUnused(keyId: string, state: KeyState): void {
    if (state.calls === 0 && state.holds.size === 0 && !state.asking) keys.delete(keyId)
  }

  return {
    enter,
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
function withUnused({ holds }: KeyState, hold: Kept, credits: number, answer: Answer): Answer {
  let available = answer.available + (holds.has(hold) ? credits : 0)
  for (const { freeCredits } of holds) available += freeCredits
  return { ...answer, available }
}

/** Live and test calls are counted apart, as their credits are. */
function accountOf({ accountId, mode }: Pick<KeyRecord, 'accountId' | 'mode'>): string {
  return `${accountId} ${mode}`
}

/** The first on which the call may run. */
function holdFor({ holds }: KeyState, call: CallAhead, nowMs: number): Kept | undefined {
  for (const hold of holds) if (!hold.retired && mayRun(hold, call, nowMs)) return hold
  return undefined
}

/** All that is not freed yet, whether calls begin on it or are only to end. */
function heldAhead({ holds }: KeyState): Size {
  let [calls, credits] = [0, 0]
  for (const hold of holds) {
    calls += hold.calls
    credits += hold.credits
  }
  return { calls, credits }
}

function newState(keys: Map<string, KeyState>, keyId: string): KeyState {
  const state = { calls: 0, credits: 0, holds: new Set<Kept>(), asking: false, lastCallAtMs: 0 }
  keys.set(keyId, state)
  return state
}

function itemFor({ key, seconds }: CallAhead, { calls, credits }: Size): Hold {
  const { accountId, keyId, mode, keyVersion, accountVersion, previousUntil, tariff } = key
  return {
    ...{
      kind: 'hold',
      requestId: newRequestId(),
      accountId,
      keyId,
      mode,
      keyVersion,
      accountVersion,
    },
    ...{ previousSecret: previousUntil !== null, endpoint: anyEndpoint, tariff, credits },
    ...{ quantity: calls, holdSeconds: secondsAhead(seconds), actor: `key:${keyId}` },
  }
}
