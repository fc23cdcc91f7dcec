/** Prices and plans in the ledger. Every shard decides by a copy of its own, so each is given the tariff. */
import { printPosition } from '../../events/event.ts'
import { type Tariff, tariffContent, tariffHash, tariffOf } from '../config/tariff.ts'
import { announcedTime, readCurrentTariffs, readShardTariffs } from '../ledger/read/read-tariffs.ts'
import type { Actor } from './actor.ts'
import { type Refused, refused } from './decision.ts'
import { isoTime } from './iso-time.ts'
import type { ManagementDeps } from './management-deps.ts'

interface Published {
  readonly hash: string
  /** ISO 8601 */
  readonly from: string
  /** Printed, one for each shard. */
  readonly positions: readonly string[]
}

interface PublishOptions {
  /** ISO 8601, in the future; now when absent. */
  readonly from?: string
  readonly notice?: string
}

/** Whether the configuration's tariff is in force. */
export interface TariffStatus {
  /** Hash of the tariff in force; null when there is none yet. */
  readonly inForce: string | null
  /** Hash of the configuration's tariff. */
  readonly configured: string
  readonly differs: boolean
  /** When the configuration's tariff comes into force, where it is not in force and announced; ISO 8601. */
  readonly announcedFrom: string | undefined
}

export interface Tariffs {
  /** Puts prices and plans in force. Publishing the same tariff for the same time again returns the same result. */
  publishTariff(tariff: Tariff, options: PublishOptions, actor: Actor): Promise<Published | Refused>
  /** Gives an empty ledger the configuration's tariff, once, and compares the two. */
  ensureTariff(): Promise<TariffStatus>
}

export function manageTariffs(deps: ManagementDeps): Tariffs {
  return {
    publishTariff: (tariff, options, actor) => publishTariff(deps, tariff, options, actor),
    ensureTariff: () => ensureTariff(deps),
  }
}

async function publishTariff(
  deps: ManagementDeps,
  tariff: Tariff,
  { from, notice }: PublishOptions,
  actor: Actor,
): Promise<Published | Refused> {
  const shards = await readShardTariffs(deps.sql)
  const now = shards[0]?.readAt ?? new Date(0)
  if (from !== undefined && Date.parse(from) < now.getTime()) {
    return refused('time_passed', { field: 'from' })
  }
  const hash = tariffHash(tariff)
  const starts = isoTime(from === undefined ? now : new Date(from))
  const payload = {
    hash,
    from: starts,
    ...tariffContent(tariff),
    ...(notice !== undefined && { notice }),
  }
  const positions: string[] = []
  for (const { shard } of shards) {
    // After a failure half way, the shards that have the tariff return what they returned before.
    const result = await record(deps, shard, `tariff:${hash}:${starts}`, payload, actor.id)
    if (result.verdict !== 'ok') return refused('already_published')
    for (const position of result.positions ?? []) {
      positions.push(printPosition({ shard, position }))
    }
  }
  return { hash, from: starts, positions }
}

async function ensureTariff(deps: ManagementDeps): Promise<TariffStatus> {
  const tariff = tariffOf(deps.config)
  const configured = tariffHash(tariff)
  for (const { shard, empty, readAt } of await readShardTariffs(deps.sql)) {
    if (!empty) continue
    // Gateways that start at the same time all send this id. The first command is recorded. The others repeat
    // it or, with another configuration or time, are mismatches; in every case the ledger has a tariff then.
    const payload = { hash: configured, from: isoTime(readAt), ...tariff }
    await record(deps, shard, 'first-tariff', payload, 'gateway')
  }
  const shards = await readShardTariffs(deps.sql)
  const inForce = shards[0]?.inForce ?? null
  const differs = shards.some(({ inForce }) => inForce !== configured)
  const current = differs ? await readCurrentTariffs(deps.sql) : []
  const announcedFrom = announcedTime(current, inForce, configured)?.toISOString()
  return { inForce, configured, differs, announcedFrom }
}

function record(
  { commands }: ManagementDeps,
  shard: number,
  id: string,
  payload: object,
  actorId: string,
) {
  const events = [{ type: 'TariffPublished', payload } as const]
  return commands.record(shard, { id, actor: actorId, expected: [], events })
}
