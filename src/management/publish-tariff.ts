/** Publishes a tariff. Every shard has a copy of its own, so it is recorded in each, one after the other. */
import { printPosition } from '../../events/event.ts'
import { type Tariff, tariffContent, tariffHash } from '../config/tariff.ts'
import {
  type OwnPublication,
  readLastPublications,
  readOwnPublications,
} from '../ledger/read/read-publications.ts'
import { readCreditScale, readShardTariffs } from '../ledger/read/read-tariffs.ts'
import { type Actor, isSameRequest } from './actor.ts'
import { decideTariff } from './decide-tariff.ts'
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

export interface PublishOptions {
  /** ISO 8601, in the future; now when absent. */
  readonly from?: string
  /** For customers to read. */
  readonly notice?: string
  /** Plans, prices and packs in force that the tariff does not have may disappear. */
  readonly mayDrop?: boolean
}

/** In each round one of those who publish under the same Idempotency-Key at once gets further. */
const maxRounds = 10

/** Does what is described at `Tariffs`, once under the actor's Idempotency-Key. */
export async function publishTariff(
  deps: ManagementDeps,
  tariff: Tariff,
  options: PublishOptions,
  actor: Actor,
): Promise<Published | Refused> {
  const { once } = actor
  const hash = tariffHash(tariff)
  for (let round = 0; round < maxRounds; round++) {
    const own = once ? await readOwnPublications(deps.sql, once.id, hash) : []
    if (once && !own.every(({ request }) => isSameRequest(once, request))) {
      return refused('idempotency_key_taken')
    }
    const published =
      own.length > 0
        ? await finish(deps, tariff, options, actor, own)
        : await begin(deps, tariff, options, actor)
    if (published !== 'again') return published
  }
  return refused('changed_meanwhile')
}

async function begin(
  deps: ManagementDeps,
  tariff: Tariff,
  options: PublishOptions,
  actor: Actor,
): Promise<Published | Refused | 'again'> {
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
    { tariff, ...options },
  )
  if (decided !== 'in_force') {
    return isRefused(decided) ? decided : record(deps, tariff, decided.starts, options, actor, [])
  }
  const { once } = actor
  if (once) {
    const { id, request } = once
    const command = { id, request, actor: actor.id, expected: [], events: [] }
    const { verdict, repeated } = await deps.commands.record(shards[0]?.shard ?? 0, command)
    if (verdict !== 'ok' || repeated) return 'again'
  }
  return { hash: tariffHash(tariff), from: isoTime(since ?? new Date(0)), positions: [] }
}

/** What was begun under the Idempotency-Key is finished for the time that it was begun for. */
async function finish(
  deps: ManagementDeps,
  tariff: Tariff,
  options: PublishOptions,
  actor: Actor,
  own: readonly OwnPublication[],
): Promise<Published | Refused | 'again'> {
  const begun = own.find(({ from }) => from !== null)?.from
  const from = begun ?? (options.from === undefined ? undefined : new Date(options.from))
  if (from !== undefined) return record(deps, tariff, from, options, actor, own)
  const since = own[0]?.inForceSince ?? new Date(0)
  return { hash: tariffHash(tariff), from: isoTime(since), positions: [] }
}

/** @param own what is recorded under the actor's Idempotency-Key already */
async function record(
  { sql, commands }: ManagementDeps,
  tariff: Tariff,
  starts: Date,
  { notice }: PublishOptions,
  { id: actor, reason, once }: Actor,
  own: readonly OwnPublication[],
): Promise<Published | Refused | 'again'> {
  const hash = tariffHash(tariff)
  const from = isoTime(starts)
  const payload = {
    ...{ hash, from, ...tariffContent(tariff) },
    ...(notice !== undefined && { notice }),
    ...(reason !== undefined && { reason }),
  }
  const last = await readLastPublications(sql, starts)
  // Others were published for this time since: the shards that are left do not go back to these.
  const isReplaced = own.some(
    ({ shard, position }) =>
      position !== null && position !== last.find((of) => of.shard === shard)?.position,
  )
  const positions: string[] = []
  for (const { shard, ...before } of last) {
    const recorded = own.find((of) => of.shard === shard)
    const isThere = before.hash === hash
    let position = recorded?.position ?? (isThere ? before.position : null)
    if (!recorded && isThere) {
      const isSame = before.notice === (notice ?? null) && before.reason === (reason ?? null)
      if (!isSame) return refused('already_published')
    }
    if (!recorded && (once || !isThere)) {
      const result = await commands.record(shard, {
        // After what was published last for this time, so that it can be taken back by publishing what was before it.
        id: once?.id ?? `tariff:${hash}:${from}:${before.position ?? 0}`,
        ...{ actor, expected: [] },
        events: isThere || isReplaced ? [] : [{ type: 'TariffPublished', payload }],
        ...(once && { request: once.request }),
      })
      if (once && (result.verdict !== 'ok' || result.repeated)) return 'again'
      if (result.verdict !== 'ok') return refused('already_published')
      position = result.positions?.[0] ?? position
    }
    if (position !== null) positions.push(printPosition({ shard, position }))
  }
  return { hash, from, positions }
}
