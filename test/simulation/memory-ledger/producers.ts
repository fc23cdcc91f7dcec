/** Producers: who may append, and what of their batches is known already. */
import type { Rows, Text } from '../wire.ts'
import {
  enterShard,
  type Fault,
  hasDiverged,
  leaveShard,
  type Mark,
  reportDivergence,
} from './head.ts'
import { type MemoryLedger, type MemoryProducer, Refused } from './memory-ledger.ts'
import { columnsOf, rowsOf, timeText } from './rows.ts'

/** A batch as its producer sends it. */
export interface BatchHead {
  readonly producer: string
  readonly sequence: number
  readonly content: string
  readonly seen: Mark
  readonly sentAt: Text
  readonly delivered: number
  readonly withheld: readonly number[]
}

export type Refusal = Fault | 'unknown_producer' | 'fenced' | 'loss_accepted' | 'superseded'

/** How the parameters of append_v1 begin, before the columns of its commands. */
export function batchHeadOf(values: readonly Text[]): BatchHead {
  const [, producer, sequence, content, epoch, position, hash, sentAt, delivered, withheld] =
    values as string[]
  return {
    ...{ producer: producer ?? '', sequence: Number(sequence), content: content ?? '' },
    seen: { epoch: Number(epoch), position: Number(position), hash: hash ?? '' },
    sentAt: sentAt ?? null,
    delivered: Number(delivered),
    withheld: (withheld ?? '{}').slice(1, -1).split(',').filter(Boolean).map(Number),
  }
}

/** Why a batch is not decided now: its outcome, or the reply that it got before. undefined: it is the producer's next. */
export function findProducer(ledger: MemoryLedger, batch: BatchHead): Refusal | Rows | undefined {
  const fault = enterShard(ledger, batch.sentAt)
  const { head, side } = ledger
  const producer = side.producers.get(batch.producer)
  const { seen, sequence } = batch
  if (fault === 'log_diverged') return fault
  if (!producer) return 'unknown_producer'
  if (producer.isFenced) return 'fenced'
  if (seen.epoch < head.epoch) return 'loss_accepted'
  if (sequence === producer.sequence && batch.content === producer.content) {
    const { columns, rows } = producer.reply as Rows
    return { columns, rows: rows.map(([, ...row]) => ['repeated', ...row]) }
  }
  if (sequence <= producer.sequence) return 'superseded'
  if (ledger.bug === 'compares-no-log') return fault
  const isNext =
    sequence === producer.sequence + 1 &&
    seen.epoch === producer.epoch &&
    seen.position === producer.position &&
    seen.hash === producer.hash
  if (isNext) return fault
  const { instance, position } = producer
  reportDivergence(
    ledger,
    `${instance} has sent batch ${sequence} and seen position ${seen.position}, and the log knows its batch ${producer.sequence} and position ${position}`,
  )
  return 'log_diverged'
}

/** Keeps the reply to a batch under its number, with what the gateway has delivered and withheld. */
export function keepReply(
  ledger: MemoryLedger,
  { producer: id, sequence, content, delivered, withheld }: BatchHead,
  reply: Rows,
): void {
  const { head, side } = ledger
  const producer = side.producers.get(id) as MemoryProducer
  side.producers.set(id, {
    ...producer,
    ...{ sequence, content, reply, recordedAt: ledger.now },
    steadySince: isSteady(ledger, producer) ? producer.steadySince : ledger.now,
    ...{ epoch: head.epoch, position: head.position, hash: head.hash },
    delivered: Math.max(producer.delivered, delivered),
  })
  for (const position of withheld) {
    const { instance } = ledger.events[position - 1] ?? {}
    if (instance === producer.instance) side.withheld.set(position, true)
  }
}

/** It has sent a batch within the last seconds. */
export function isSteady({ now }: MemoryLedger, { recordedAt }: MemoryProducer): boolean {
  return now <= recordedAt + 3_000_000
}

const openedColumns = columnsOf(
  'outcome text, recorded_at text, log_epoch text, log_position text, log_hash text',
)

export function openProducer(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [, id = '', instance = '', sentAt, markText] = values as string[]
  let outcome: string = enterShard(ledger, sentAt) ?? 'opened'
  const { now, head, side } = ledger
  if (hasDiverged(ledger, instance, JSON.parse(markText ?? 'null'))) outcome = 'log_diverged'
  const { epoch, position, hash } = head
  const known = side.producers.get(id)
  const isFree = !known || (known.sequence === 0 && known.instance === instance && !known.isFenced)
  if (outcome === 'opened' && !isFree) {
    const nowhere = { log_epoch: null, log_position: null, log_hash: null }
    return rowsOf(openedColumns, [{ outcome: 'taken', recorded_at: timeText(now), ...nowhere }])
  }
  if (outcome === 'opened') {
    side.producers.set(id, {
      ...{ instance, sequence: 0, content: null, recordedAt: now, reply: undefined },
      ...{ delivered: 0, isFenced: false, steadySince: now },
      ...known,
      ...{ epoch, position, hash },
    })
  }
  return rowsOf(openedColumns, [
    {
      ...{ outcome, recorded_at: timeText(now) },
      ...{ log_epoch: epoch, log_position: position, log_hash: hash },
    },
  ])
}

/** accept_loss_v1, by the owner. */
export function acceptLoss(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [, instance = '', sentAt, reason, actor] = values as string[]
  ledger.head = { ...ledger.head, epoch: ledger.head.epoch + 1, divergence: null }
  if (enterShard(ledger, sentAt)) {
    throw new Refused({ code: '55000', message: 'the clocks disagree' })
  }
  ledger.write({
    ...{ occurred_at: ledger.now, type: 'LogRestored', stream_version: null, account_id: null },
    ...{ key_id: null, mode: null, request_id: null, endpoint: null, tariff: null },
    ...{ credits: null, quantity: null, slots: null, status: null, latency_ms: null },
    ...{ lots: null, held: null, moved: null, actor, instance, private: null },
    payload: { lostFrom: ledger.position + 1, reason },
  } as never)
  leaveShard(ledger)
  return rowsOf(columnsOf('accept_loss_v1 text'), [{ accept_loss_v1: '' }])
}
