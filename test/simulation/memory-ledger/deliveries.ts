/** What is known of the responses of charges: delivery_of, and fence_producers_v1. */
import type { Rows, Text } from '../wire.ts'
import { enterShard, leaveShard } from './head.ts'
import type { MemoryEvent, MemoryLedger } from './memory-ledger.ts'
import { isSteady } from './producers.ts'
import { rowOf } from './rows.ts'

export type Delivery = 'sent' | 'pending' | 'unknown'

export function deliveryOf(ledger: MemoryLedger, charge: MemoryEvent): Delivery | null {
  const { payload, position, instance } = charge
  if (payload.delivered || payload.terminatedBy) return 'sent'
  if (ledger.side.withheld.has(position)) return 'unknown'
  const gateway = gatewayOf(ledger, instance)
  if (!gateway) return null
  if (position <= gateway.delivered) return 'sent'
  return gateway.isFenced ? 'unknown' : 'pending'
}

function gatewayOf({ side, events }: MemoryLedger, instance: string) {
  const producer = [...side.producers.values()].find((each) => each.instance === instance)
  if (producer) return producer
  const fence = events.find(
    ({ type, payload }) => type === 'ProducerFenced' && payload.instance === instance,
  )
  return fence && { delivered: Number(fence.payload.deliveredUpTo), isFenced: true }
}

export function fenceProducers(ledger: MemoryLedger, values: readonly Text[]): Rows {
  const [, id = '', sentAt, afterSeconds] = values as string[]
  const fault = enterShard(ledger, sentAt)
  const { now, side } = ledger
  const silentSince = now - Math.max(Number(afterSeconds), 10) * 1_000_000
  const own = side.producers.get(id)
  const mayFence =
    !fault && own && !own.isFenced && own.steadySince <= silentSince && isSteady(ledger, own)
  if (!mayFence) return rowOf('fenced int4', 0)
  const silent = [...side.producers].filter(
    ([, producer]) => !producer.isFenced && producer.recordedAt < silentSince,
  )
  for (const [silentId, producer] of silent) {
    side.producers.set(silentId, { ...producer, isFenced: true })
    ledger.write({
      ...{ occurred_at: now, type: 'ProducerFenced', stream_version: null, account_id: null },
      ...{ key_id: null, mode: null, request_id: null, endpoint: null, tariff: null },
      ...{ credits: null, quantity: null, slots: null, status: null, latency_ms: null },
      ...{ lots: null, held: null, moved: null, actor: 'gateway', private: null },
      instance: own.instance,
      payload: { deliveredUpTo: producer.delivered, instance: producer.instance },
    } as never)
  }
  if (silent.length > 0) leaveShard(ledger)
  return rowOf('fenced int4', silent.length)
}
