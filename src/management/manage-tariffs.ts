/** Prices and plans in the ledger. Every shard decides by a copy of its own, so each is given the tariff. */
import { printPosition } from '../../events/event.ts'
import { type DraftTariff, draftTariff } from '../config/draft-tariff.ts'
import { type Tariff, tariffContent, tariffHash, tariffOf } from '../config/tariff.ts'
import { type TariffChange, tariffChanges } from '../config/tariff-changes.ts'
import {
  announcedTime,
  readCreditScale,
  readCurrentTariffs,
  readShardTariffs,
} from '../ledger/read/read-tariffs.ts'
import type { Actor } from './actor.ts'
import { decideTariff, droppedBy } from './decide-tariff.ts'
import { isRefused, type Refused, refused } from './decision.ts'
import { isoTime } from './iso-time.ts'
import type { ManagementDeps } from './management-deps.ts'
import { readComparableTariff } from './tariff-in-force.ts'

export interface Published {
  readonly hash: string
  /** ISO 8601 */
  readonly from: string
  /** Printed, one for each shard; none where the tariff was in force, and nothing was to be published. */
  readonly positions: readonly string[]
}

interface PublishOptions {
  /** ISO 8601, in the future; now when absent. */
  readonly from?: string
  /** For customers to read. */
  readonly notice?: string
  /** Plans, prices and packs in force that the tariff does not have may disappear. */
  readonly mayDrop?: boolean
}

/** A tariff beside the one in force. */
export interface TariffComparison {
  readonly hash: string
  /** Hash of the tariff in force; null: there is none. */
  readonly inForce: string | null
  readonly changes: readonly TariffChange[]
  /** What would disappear, kind by kind: `plans: gold`. */
  readonly dropped: readonly string[]
  /** When the tariff comes into force, where it is announced; ISO 8601. */
  readonly announcedFrom: string | undefined
  /** The tariff in force; an empty one where there is none. */
  readonly before: Tariff
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
  /** The configuration's. */
  readonly configuredTariff: Tariff
  /** The whole tariff of a draft for the configuration's routes, or what is wrong with it. */
  readonly draftTariff: (draft: DraftTariff) => ReturnType<typeof draftTariff>
  readonly compareTariff: (tariff: Tariff) => Promise<TariffComparison>
  /** Puts prices and plans in force. Publishing the same tariff for the same time again returns the same result. */
  publishTariff(tariff: Tariff, options: PublishOptions, actor: Actor): Promise<Published | Refused>
  /** Gives an empty ledger the configuration's tariff, once, and compares the two. */
  ensureTariff(): Promise<TariffStatus>
}

export function manageTariffs(deps: ManagementDeps): Tariffs {
  return {
    configuredTariff: tariffOf(deps.config),
    draftTariff: (draft) => draftTariff(deps.config, draft),
    compareTariff: (tariff) => compareTariff(deps, tariff),
    publishTariff: (tariff, options, actor) => publishTariff(deps, tariff, options, actor),
    ensureTariff: () => ensureTariff(deps),
  }
}

async function compareTariff({ sql }: ManagementDeps, tariff: Tariff): Promise<TariffComparison> {
  const { inForce, before, announced } = await readComparableTariff(sql)
  const hash = tariffHash(tariff)
  return {
    ...{ hash, inForce, before },
    changes: tariffChanges(before, tariff),
    dropped: droppedBy(before, tariff),
    announcedFrom: announced.find((other) => other.hash === hash)?.from.toISOString(),
  }
}

async function publishTariff(
  deps: ManagementDeps,
  tariff: Tariff,
  { from, notice, mayDrop }: PublishOptions,
  actor: Actor,
): Promise<Published | Refused> {
  const shards = await readShardTariffs(deps.sql)
  const { before, since } = await readComparableTariff(deps.sql)
  const decided = decideTariff(
    {
      now: shards[0]?.readAt ?? new Date(0),
      // After a failure half way not all shards have it.
      inForce: shards.every((shard) => shard.inForce === shards[0]?.inForce)
        ? (shards[0]?.inForce ?? null)
        : null,
      before,
      scale: await readCreditScale(deps.sql),
    },
    { tariff, from, mayDrop },
  )
  const hash = tariffHash(tariff)
  if (decided === 'in_force') return { hash, from: isoTime(since ?? new Date(0)), positions: [] }
  if (isRefused(decided)) return decided
  const starts = isoTime(decided.starts)
  const { reason } = actor
  const payload = {
    hash,
    from: starts,
    ...tariffContent(tariff),
    ...(notice !== undefined && { notice }),
    ...(reason !== undefined && { reason }),
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
