/** What `verify` cannot tell, in plain words: only evidence from outside of the database can. The more was given, the less is left. */
import type { Mark } from './check-evidence.ts'
import { onlySaidByEvents } from './only-said-by-events.ts'

interface GivenEvidence {
  /** How far somebody has seen each shard's log. */
  readonly marks: readonly Mark[]
  /** How far each shard's log was compared event by event. */
  readonly compared: readonly Mark[]
}

/** @param shards those of the ledger */
export function onlyFromOutside(shards: readonly number[], given: GivenEvidence): string[] {
  const seen = furthest(shards, [...given.marks, ...given.compared])
  const compared = furthest(shards, given.compared)
  const since = compared === undefined ? '' : ` after ${compared}`
  return [
    `whether events${seen === undefined ? '' : ` after ${seen}`} are missing at the log's end, with everything that speaks of them`,
    `whether the log was written anew${since || ' as a whole'}`,
    `whether events${since} say what they said at first, where nothing else speaks of it: ${Object.values(onlySaidByEvents).join('; ')}`,
  ]
}

/** How far each shard is known, as text; undefined: none is. */
function furthest(shards: readonly number[], marks: readonly Mark[]): string | undefined {
  if (marks.every(({ position }) => position === 0)) return undefined
  return shards
    .map((shard) => {
      const ofShard = marks.filter((mark) => mark.shard === shard)
      return `${shard}-${Math.max(0, ...ofShard.map(({ position }) => position))}`
    })
    .join(', ')
}
