/** How far a standby has followed the primary. */
import { waitAtMost } from '../../lib/wait-at-most.ts'
import type { Sql } from '../connect.ts'

const askAgainMs = 20

/** Where the log of a shard ends, or what stands in another log where that ends. */
export interface End {
  readonly shard: number
  readonly epoch: number
  readonly position: number
  /** Hex, of the last event; null: there is none. */
  readonly hash: string | null
}

const states = {
  none: 'follows no server',
  other: 'has another log',
  behind: 'is behind',
  silent: 'does not reply',
} as const

type StandbyState = 'there' | (typeof states)[keyof typeof states]

/** Waits for the standby to have this much of the log, for so long. @throws what keeps it from being read */
export async function stateWithin(
  standby: Sql,
  wanted: readonly End[],
  ms: number,
): Promise<StandbyState> {
  let state: StandbyState = states.silent
  let isOver = false
  const asking = async () => {
    do {
      state = await stateOf(standby, wanted)
      if (state === states.behind) await Bun.sleep(askAgainMs)
    } while (state === states.behind && !isOver)
  }
  await waitAtMost(ms, asking())
  isOver = true
  return state
}

/** One that was promoted follows nobody, and can have a log of its own; so can a standby of another server. */
async function stateOf(standby: Sql, wanted: readonly End[]): Promise<StandbyState> {
  const [server] = await standby<[{ isStandby: boolean }]>`
    select pg_is_in_recovery() as "isStandby"`
  if (!server.isStandby) return states.none
  const reached = new Map((await readEnds(standby, wanted)).map((end) => [end.shard, end]))
  for (const { shard, epoch, position, hash } of wanted) {
    const end = reached.get(shard)
    if (!end || end.epoch < epoch || end.position < position) return states.behind
    if (end.epoch !== epoch || end.hash !== hash) return states.other
  }
  return 'there'
}

/** Where the log of each shard ends. @param at the positions whose hashes are wanted; otherwise those of the ends */
export function readEnds(sql: Sql, at: readonly End[] = []): Promise<End[]> {
  const shards = at.map(({ shard }) => shard)
  const positions = at.map(({ position }) => position)
  return sql<End[]>`
    select h.shard, h.epoch, h.position, encode(e.event_hash, 'hex') as hash
    from heads_v1() h
    left join unnest(${shards}::int[], ${positions}::bigint[]) wanted (shard, position) on wanted.shard = h.shard
    left join events e on e.shard = h.shard and e.position = coalesce(wanted.position, h.position)`
}
