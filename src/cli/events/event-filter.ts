/** Which events the options of `tollbook events` choose. */
import { catalogue } from '../../../events/catalogue.ts'
import { parsePosition } from '../../../events/event.ts'
import type { EventFilter } from '../../reports/log-reader/event-feed.ts'
import { parseList, parseTime } from '../options/option-values.ts'
import { unknownName } from '../unknown-name.ts'
import { UsageError } from '../usage-error.ts'

export function eventFilterOf(options: {
  readonly account?: string | undefined
  readonly key?: string | undefined
  readonly type?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
}): EventFilter {
  const types = typesOf(options.type)
  return {
    ...(options.account !== undefined && { accountId: options.account }),
    ...(options.key !== undefined && { keyId: options.key }),
    ...(types && { types }),
    ...rangeOf(options),
  }
}

function typesOf(text: string | undefined): string[] | undefined {
  const types = parseList(text)
  const known = Object.keys(catalogue)
  for (const type of types ?? []) {
    if (!known.includes(type)) throw unknownName('event', type, known)
  }
  return types
}

/** Each end is a position or a time. */
function rangeOf({ from, to }: { from?: string | undefined; to?: string | undefined }) {
  const first = from === undefined ? undefined : parsePosition(from)
  const last = to === undefined ? undefined : parsePosition(to)
  if (first && last && first.shard !== last.shard) {
    throw new UsageError('--from and --to name positions of different shards.')
  }
  const shard = (first ?? last)?.shard
  const now = new Date()
  return {
    ...(shard !== undefined && { shard }),
    ...(first && { fromPosition: first.position }),
    ...(last && { toPosition: last.position }),
    ...(from !== undefined && !first && { from: parseTime('--from', from, 'past', now) }),
    ...(to !== undefined && !last && { to: parseTime('--to', to, 'past', now) }),
  } satisfies EventFilter
}
