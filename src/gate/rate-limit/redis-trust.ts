/**
 * How far back a Redis can be trusted, and why at most 2N calls pass.
 *
 * Calls pass in two ways. Redis admits at most N in any time span, as long as it keeps its memory. The
 * gateways' local rate limits admit at most g * floor(N / g) <= N in any time span; they are counted by the
 * gateways themselves, through every change between the two ways. So while Redis keeps its memory, however
 * often it is lost from sight and found again, a time span holds at most N calls admitted by Redis and at
 * most N admitted locally: 2N, and N where no gateway lost sight of it.
 *
 * A Redis that comes back empty would add a third part: up to N before its loss, up to N admitted locally
 * while it was away, and up to N after. So Redis decides a limit only when it has kept its memory for a whole
 * time span of that limit; until then the local rate limit decides. What Redis admitted before its loss and
 * after it are then at least one time span apart, no time span holds both, and the bound is 2N again. Each
 * gateway makes sure of this by itself: a restart breaks its connection, and no decision is asked over a new
 * connection before the Redis at its other end has said which one it is.
 *
 * In a Cluster and behind Sentinels all of this is so for each master and each slot by itself. A replica that is promoted may
 * lack the last permits of its master, and a slot may arrive without its keys. So whoever becomes the master of a slot decides
 * it when a gateway has known it as that for a whole time span; which gateways knew since when, the master itself keeps for those
 * that start later (redis-identity.ts). A slot on its way is decided by nobody for the accounts whose keys have left.
 *
 * Not covered: an old master that still takes permits beside the new one, while a partition keeps the news from it and from
 * some gateways. min-replicas-to-write and min-replicas-max-lag, or in a Cluster cluster-node-timeout, end that; a time span
 * that is longer is not touched by it. A Redis emptied in place (FLUSHALL), which nobody notices, adds N without any call being
 * admitted locally, so 2N; a gateway that restarts while local rate limits decide begins to count anew.
 */

/** Which Redis it is: a restart or a promotion changes the id and begins the time again. */
export interface RedisIdentity {
  readonly id: string
  /** For how long it has certainly kept its memory, and been the one that decides. */
  readonly trustedForMs: number
}

/** Which Redis, and since when (on this process's monotonic clock) it has certainly kept its memory. */
export interface RedisTrust {
  readonly id: string
  readonly trustedSinceMs: number
}

/**
 * @param before of the previous connection, if there was one
 * @param isOnlyGateway true when no call can have been admitted locally next to this Redis: one gateway, which has
 *   admitted none. Nothing then comes between before and after, 2N holds as it stands, and a fresh Redis
 *   under a fresh gateway is trusted at once.
 */
export function trustIn(
  { id, trustedForMs }: RedisIdentity,
  before: RedisTrust | undefined,
  nowMs: number,
  isOnlyGateway: boolean,
): RedisTrust {
  if (before !== undefined) {
    // Another Redis than before, be it a restarted one or a promoted replica, may have no memory.
    return before.id === id ? before : { id, trustedSinceMs: nowMs }
  }
  return { id, trustedSinceMs: isOnlyGateway ? Number.NEGATIVE_INFINITY : nowMs - trustedForMs }
}
