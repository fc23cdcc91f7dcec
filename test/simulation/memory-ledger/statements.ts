/** Which part of the ledger decides a statement: by the function that it calls, or by what it reads. */
import type { Rows, Text } from '../wire.ts'
import { append } from './append.ts'
import { noteReplay, readClaimedCall, storeResponse } from './claims.ts'
import { fenceProducers } from './deliveries.ts'
import { adjust, grant, record, refund } from './management.ts'
import type { MemoryLedger } from './memory-ledger.ts'
import { acceptLoss, openProducer } from './producers.ts'
import { readChanges, readCharge, readKey, readOverdue, readTariff, whereCharged } from './reads.ts'
import { rowOf } from './rows.ts'

interface Handler {
  readonly run: (ledger: MemoryLedger, values: readonly Text[]) => Rows
  readonly isRead?: true
  readonly isIdle?: true
}

/** It changes what the simulation does not look at. */
export const isIdle = (text: string): boolean => handlerOf(text).isIdle === true
export const isReadOnly = (text: string): boolean => handlerOf(text).isRead === true

/** Functions that change what the simulation does not look at. */
const nothingToDo = (name: string, result: number | null): Handler => ({
  run: () => rowOf(`${name} int8`, result),
  isRead: true,
  isIdle: true,
})

const functions: Readonly<Record<string, Handler>> = {
  append_v1: { run: append },
  open_producer_v1: { run: openProducer },
  fence_producers_v1: { run: fenceProducers },
  accept_loss_v1: { run: acceptLoss },
  store_response_v1: { run: storeResponse },
  replayed_v1: { run: noteReplay },
  grant_v1: { run: grant },
  adjust_v1: { run: adjust },
  refund_v1: { run: refund },
  record_v1: { run: record },
  catch_up_daily_usage: nothingToDo('left', 0),
  catch_up_monthly_balances: nothingToDo('left', 0),
  catch_up_daily_refusals: nothingToDo('left', 0),
  forget_responses_v1: nothingToDo('forgotten', 0),
  forget_refusals_v1: nothingToDo('forgotten', 0),
  extend_partitions: nothingToDo('extend_partitions', null),
}

/** By words that only this query has. */
const reads: readonly (readonly [string, Handler['run']])[] = [
  ['"previousUntil"', readKey],
  ['select content from tariffs', readTariff],
  ['"hasNewTariff"', readChanges],
  ['from open_holds\n    where shard', readOverdue],
  ['as "leasePosition"', readCharge],
  ['from claims c', readClaimedCall],
  [`select shard, account_id as "accountId" from events`, whereCharged],
]

const known = new Map<string, Handler>()

/** @throws Error for a statement that the ledger in memory does not know: it needs a handler here */
export function handlerOf(text: string): Handler {
  const handler = known.get(text) ?? find(text)
  known.set(text, handler)
  return handler
}

function find(text: string): Handler {
  const called = text.matchAll(/\b(\w+)\(/g).find(([, name = '']) => Object.hasOwn(functions, name))
  if (called) return functions[called[1] as string] as Handler
  const read = reads.find(([words]) => text.includes(words))?.[1]
  if (!read) throw new Error(`the ledger in memory does not know this statement:\n${text}`)
  return { run: read, isRead: true }
}
