import { describeEvent } from '../../../events/describe-event.ts'
import { printPosition, type RecordedEvent } from '../../../events/event.ts'
import { entryOf } from '../../../events/event-types.ts'
import type { Sql } from '../../ledger/connect.ts'
import { addSums, compareSums, type Sum } from '../../lib/sums.ts'
import { readEventFeed } from '../log-reader/event-feed.ts'
import type { RefusalLine } from './refusals.ts'

/** What happened to a key since a time, from the log alone. Times are ISO 8601, positions are printed. */
export interface KeyReport {
  readonly keyId: string
  readonly since: string
  readonly endpoints: readonly EndpointUse[]
  /** Calls that were refused before anything was held for them; the most frequent ones first. */
  readonly refusals: readonly RefusalLine[]
  /** How many calls have begun and not ended. */
  readonly open: number
  /** Changes of the key itself, in the order of the log. */
  readonly changes: readonly KeyReportLine[]
  /** The last calls that were charged, at most twenty. */
  readonly lastCharges: readonly KeyReportLine[]
  readonly firstAt: string | null
  readonly lastAt: string | null
}

interface EndpointUse {
  readonly endpoint: string
  readonly charged: number
  readonly credits: Sum
  /** Calls that had a hold and were not charged: it was released or expired. */
  readonly failed: number
  /** Calls of price 0. */
  readonly free: Sum
}

interface KeyReportLine {
  readonly position: string
  /** ISO 8601 */
  readonly time: string
  readonly summary: string
  readonly actor: string
  readonly requestId: string | null
}

const pageSize = 1_000
const maxCharges = 20

/** The report of a key. It is empty for a key that the ledger does not have. */
export async function readKeyReport(sql: Sql, keyId: string, since: Date): Promise<KeyReport> {
  const endpoints = new Map<string, { -readonly [K in keyof EndpointUse]: EndpointUse[K] }>()
  const refusals = new Map<string, RefusalLine>()
  const open = new Set<string>()
  const changes: KeyReportLine[] = []
  const lastCharges: KeyReportLine[] = []
  let firstAt: string | null = null
  let lastAt: string | null = null

  for await (const event of events(sql, keyId, since)) {
    if (event.stream.startsWith('key-')) {
      changes.push(keyReportLine(event))
      continue
    }
    if (event.type === 'UsageImported' || event.slots !== null) continue
    if (event.type === 'CallsRefused') {
      countRefusals(refusals, event)
      continue
    }
    firstAt ??= event.occurredAt.toISOString()
    lastAt = event.recordedAt.toISOString()
    count(event)
  }
  return {
    keyId,
    since: since.toISOString(),
    endpoints: [...endpoints.values()].sort((a, b) => compareSums(b.credits, a.credits)),
    refusals: [...refusals.values()].sort((a, b) => compareSums(b.calls, a.calls)),
    open: open.size,
    changes,
    lastCharges,
    firstAt,
    lastAt,
  }

  function count(event: RecordedEvent): void {
    const endpoint = event.endpoint ?? ''
    const use = endpoints.get(endpoint) ?? { endpoint, charged: 0, credits: 0, failed: 0, free: 0 }
    endpoints.set(endpoint, use)
    const requestId = event.requestId ?? ''
    const hold = entryOf(event.type)?.hold
    if (hold === 'opens') open.add(requestId)
    if (hold === 'resolves') open.delete(requestId)
    if (event.type === 'HoldSettled') {
      use.charged++
      use.credits = addSums(use.credits, event.credits ?? 0)
      lastCharges.push(keyReportLine(event))
      if (lastCharges.length > maxCharges) lastCharges.shift()
    } else if (hold === 'resolves') {
      use.failed++
    } else if (event.type === 'CallsCounted') {
      use.free = addSums(use.free, event.quantity ?? 0)
    }
  }
}

function countRefusals(refusals: Map<string, RefusalLine>, event: RecordedEvent): void {
  const endpoint = event.endpoint ?? ''
  const reason = String(event.payload.reason)
  const known = refusals.get(`${endpoint} ${reason}`)
  const calls = addSums(known?.calls ?? 0, event.quantity ?? 0)
  const lastAt = event.occurredAt.toISOString()
  refusals.set(`${endpoint} ${reason}`, { endpoint, reason, calls, lastAt })
}

async function* events(sql: Sql, keyId: string, since: Date): AsyncGenerator<RecordedEvent> {
  let after: { shard: number; position: number } | undefined
  do {
    const page = await readEventFeed(
      sql,
      { keyId, from: since },
      { limit: pageSize, ...(after && { after }) },
    )
    yield* page.events
    after = page.next
  } while (after)
}

function keyReportLine(event: RecordedEvent): KeyReportLine {
  return {
    position: printPosition(event),
    time: event.recordedAt.toISOString(),
    summary: describeEvent(event),
    actor: event.actor,
    requestId: event.requestId,
  }
}
