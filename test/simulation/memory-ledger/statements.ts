/** Which part of the ledger decides a statement: by the function that it calls. */
import type { Rows, Text } from '../wire.ts'
import { append } from './append.ts'
import { noteReplay, readClaimedCall, storeResponse } from './claims.ts'
import { fenceProducers } from './deliveries.ts'
import { adjust, grant, record, refund, refundUndelivered, revoke } from './management.ts'
import type { MemoryLedger } from './memory-ledger.ts'
import { acceptLoss, openProducer } from './producers.ts'
import { readChanges, readKey, readOverdue, readOwnCharge, readTariff } from './reads.ts'
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
  revoke_v1: { run: revoke },
  refund_undelivered_v1: { run: refundUndelivered },
  find_key_v1: { run: readKey, isRead: true },
  find_tariff_v1: { run: readTariff, isRead: true },
  changes_v1: { run: readChanges, isRead: true },
  overdue_holds_v1: { run: readOverdue, isRead: true },
  own_charge_v1: { run: readOwnCharge, isRead: true },
  find_claim_v1: { run: readClaimedCall, isRead: true },
  forget_responses_v1: nothingToDo('forgotten', 0),
  forget_refusals_v1: nothingToDo('forgotten', 0),
  extend_partitions: nothingToDo('extend_partitions', null),
}

const known = new Map<string, Handler>()

/** @throws Error for a statement that the ledger in memory does not know: it needs a handler here */
export function handlerOf(text: string): Handler {
  const handler = known.get(text) ?? find(text)
  known.set(text, handler)
  return handler
}

function find(text: string): Handler {
  const called = text.matchAll(/\b(\w+)\(/g).find(([, name = '']) => Object.hasOwn(functions, name))
  if (!called) throw new Error(`the ledger in memory does not know this statement:\n${text}`)
  return functions[called[1] as string] as Handler
}
