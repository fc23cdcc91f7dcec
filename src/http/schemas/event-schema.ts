/** Events, as responses show them. */
import { t } from 'elysia'
import { describeEvent } from '../../../events/describe-event.ts'
import { printPosition, type RecordedEvent } from '../../../events/event.ts'
import type { EventPage } from '../../reports/log-reader/event-feed.ts'
import { integer, typedSchema } from './fields.ts'

export interface EventView
  extends Omit<
    RecordedEvent,
    'shard' | 'position' | 'recordedAt' | 'occurredAt' | 'lots' | 'private' | 'instance' | 'login'
  > {
  readonly position: string
  /** What happened, in plain words. */
  readonly summary: string
  readonly recordedAt: string
  readonly occurredAt: string
  readonly lots: readonly string[] | null
  readonly instance?: string
  readonly login?: string | null
  /** The reason that the actor gave, if any. */
  readonly reason?: string
}

export const EventSchema = t.Object({
  position: t.String(),
  type: t.String(),
  summary: t.String(),
  recordedAt: t.String(),
  occurredAt: t.String({
    description: 'The time that counts for days and months: that of the hold.',
  }),
  stream: t.String(),
  streamVersion: t.Nullable(integer()),
  accountId: t.Nullable(t.String()),
  keyId: t.Nullable(t.String()),
  mode: t.Nullable(t.String()),
  requestId: t.Nullable(t.String()),
  endpoint: t.Nullable(t.String()),
  tariff: t.Nullable(t.String()),
  credits: t.Nullable(integer()),
  quantity: t.Nullable(integer()),
  slots: t.Nullable(integer()),
  status: t.Nullable(integer()),
  latencyMs: t.Nullable(integer()),
  lots: t.Nullable(t.Array(t.String())),
  held: t.Nullable(t.Array(integer())),
  moved: t.Nullable(t.Array(integer())),
  actor: t.String(),
  instance: t.Optional(t.String()),
  login: t.Optional(
    t.Nullable(t.String({ description: 'Who was logged in to the database when it was written.' })),
  ),
  payload: t.Record(t.String(), t.Unknown()),
  reason: t.Optional(t.String()),
})

export interface EventList {
  readonly events: readonly EventView[]
  readonly nextCursor: string | null
}

export const EventList = typedSchema<EventList>(
  t.Object({
    events: t.Array(EventSchema),
    nextCursor: t.Nullable(
      t.String({ description: 'The `cursor` of the next page; null at the end of the log.' }),
    ),
  }),
)

/** A page of events, each as `view` shows it. */
export function listEvents(page: EventPage, view: (event: RecordedEvent) => EventView): EventList {
  return {
    events: page.events.map(view),
    nextCursor: page.next ? printPosition(page.next) : null,
  }
}

/** An event as auditors see it: all of it, with its reason. */
export function auditedEvent(event: RecordedEvent, reason: string | undefined): EventView {
  const { shard, position, private: _, recordedAt, occurredAt, lots, ...rest } = event
  return {
    ...rest,
    position: printPosition({ shard, position }),
    summary: describeEvent(event),
    recordedAt: recordedAt.toISOString(),
    occurredAt: occurredAt.toISOString(),
    lots: lots === null ? null : lots.map((lot) => printPosition({ shard, position: lot })),
    ...(reason !== undefined && { reason }),
  }
}

/** An event as owners see it: neither which operator acted nor which gateway, nor as whom it was logged in. */
export function ownedEvent(event: RecordedEvent): EventView {
  const { instance: _, login: __, ...view } = auditedEvent(event, undefined)
  return {
    ...view,
    actor: /^(admin|support|operator-key):/.test(view.actor) ? 'operator' : view.actor,
  }
}
