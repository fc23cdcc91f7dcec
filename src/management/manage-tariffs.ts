/** Prices and plans in the ledger. Every shard decides by a copy of its own, so each is given the tariff. */
import { type DraftTariff, draftTariff } from '../config/draft-tariff.ts'
import { type Tariff, tariffHash, tariffOf } from '../config/tariff.ts'
import { type TariffChange, tariffChanges } from '../config/tariff-changes.ts'
import { announcedTime, readCurrentTariffs, readShardTariffs } from '../ledger/read/read-tariffs.ts'
import type { Actor } from './actor.ts'
import { droppedBy } from './decide-tariff.ts'
import type { Refused } from './decision.ts'
import { isoTime } from './iso-time.ts'
import type { ManagementDeps } from './management-deps.ts'
import { type Published, type PublishOptions, publishTariff } from './publish-tariff.ts'
import { readComparableTariff } from './tariff-in-force.ts'

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
  /**
   * Puts prices and plans in force. What was published last for a time holds: publishing it for that time again returns
   * the same result, and what was replaced is published anew. Under an Idempotency-Key it is done once, whatever others publish.
   */
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

async function ensureTariff(deps: ManagementDeps): Promise<TariffStatus> {
  const tariff = tariffOf(deps.config)
  const configured = tariffHash(tariff)
  for (const { shard, empty, readAt } of await readShardTariffs(deps.sql)) {
    if (!empty) continue
    // Gateways that start at the same time all send this id. The first command is recorded. The others repeat
    // it or, with another configuration or time, are mismatches; in every case the ledger has a tariff then.
    const payload = { hash: configured, from: isoTime(readAt), ...tariff }
    await deps.commands.record(shard, {
      ...{ id: 'first-tariff', actor: 'gateway', expected: [] },
      events: [{ type: 'TariffPublished', payload }],
    })
  }
  const shards = await readShardTariffs(deps.sql)
  const inForce = shards[0]?.inForce ?? null
  const differs = shards.some(({ inForce }) => inForce !== configured)
  const current = differs ? await readCurrentTariffs(deps.sql) : []
  const announcedFrom = announcedTime(current, inForce, configured)?.toISOString()
  return { inForce, configured, differs, announcedFrom }
}
