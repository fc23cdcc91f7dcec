/** Prices and plans: put into the ledger, for every shard of it decides by its own copy. */
import { printPosition } from '../../events/event.ts'
import { type Tariff, tariffHash, tariffOf } from '../config/tariff.ts'
import { readShardTariffs } from '../ledger/read/read-tariffs.ts'
import { type Refused, refused } from './decision.ts'
import type { Actor } from './execute.ts'
import type { ManagementDeps } from './management-deps.ts'
import { iso } from './views.ts'

export interface Published {
  readonly hash: string
  /** ISO 8601 */
  readonly from: string
  readonly positions: readonly string[]
}

export interface TariffStatus {
  /** Hash of the tariff in force; null when none is, yet. */
  readonly inForce: string | null
  /** Hash of the configuration's. */
  readonly configured: string
  readonly differs: boolean
}

export interface Tariffs {
  /** Puts prices and plans in force from a time (ISO 8601) that lies ahead, or from now on. */
  publishTariff(
    tariff: Tariff,
    options: { readonly from?: string; readonly notice?: string },
    actor: Actor,
  ): Promise<Published | Refused>
  /** Gives an empty ledger the configuration's tariff, once, and says how the two stand. */
  ensureTariff(): Promise<TariffStatus>
}

export function manageTariffs({ sql, commands, config }: ManagementDeps): Tariffs {
  async function publishTariff(
    { plans, prices }: Tariff,
    { from, notice }: { readonly from?: string; readonly notice?: string },
    actor: Actor,
  ): Promise<Published | Refused> {
    const shards = await readShardTariffs(sql)
    const now = shards[0]?.readAt ?? new Date(0)
    if (from !== undefined && Date.parse(from) < now.getTime()) {
      return refused('time_passed', { field: 'from' })
    }
    const hash = tariffHash({ plans, prices })
    const starts = from === undefined ? iso(now) : iso(new Date(from))
    const payload = { hash, from: starts, plans, prices, ...(notice !== undefined && { notice }) }
    const positions: string[] = []
    for (const { shard } of shards) {
      // Published again after it failed half way, it finds what it had done.
      const answer = await record(shard, `tariff:${hash}:${starts}`, payload, actor.id)
      if (answer.verdict !== 'ok') return refused('already_published')
      positions.push(
        ...(answer.positions ?? []).map((position) => printPosition({ shard, position })),
      )
    }
    return { hash, from: starts, positions }
  }

  function record(shard: number, id: string, payload: object, actor: string) {
    return commands.record(shard, {
      id,
      actor,
      expected: [],
      events: [{ type: 'TariffPublished', payload }],
    })
  }

  async function ensureTariff(): Promise<TariffStatus> {
    const { plans, prices } = tariffOf(config)
    const configured = tariffHash({ plans, prices })
    for (const { shard, empty, readAt } of await readShardTariffs(sql)) {
      if (!empty) continue
      // Gateways that start at once all send this id: the first is recorded, the others are repetitions
      // of it or, with another file or another instant, mismatches, and either way the ledger has its tariff.
      const payload = { hash: configured, from: iso(readAt), plans, prices }
      await record(shard, 'first-tariff', payload, 'gateway')
    }
    const standing = await readShardTariffs(sql)
    const inForce = standing[0]?.inForce ?? null
    const differs = standing.some((shard) => shard.inForce !== configured)
    return { inForce, configured, differs }
  }

  return { publishTariff, ensureTariff }
}
