import { availableParallelism } from 'node:os'
import type { Environment } from '../../config/environment.ts'
import type { Plane } from '../../server/plane.ts'
import { UsageError } from '../usage-error.ts'

/** More would be a mistake: each opens connections to PostgreSQL. */
const most = 64

/**
 * How many workers: a number, or `auto`, one for each core.
 *
 * @throws UsageError
 */
export function parseWorkers(text: string): number {
  const count = text === 'auto' ? Math.min(availableParallelism(), most) : Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= most) return count
  throw new UsageError(`--workers takes auto, or a number from 1 to ${most}, not "${text}".`)
}

/**
 * Owners and operators are served by one process, which does one simulation at a time; and the rates of an account are counted by
 * all workers together.
 *
 * @throws UsageError
 */
export function checkWorkers(plane: Plane, { redisUrl }: Pick<Environment, 'redisUrl'>): void {
  if (plane !== 'calls') {
    throw new UsageError(
      '--workers is for --plane calls. Serve management by a process of its own: serve --plane management.',
    )
  }
  if (redisUrl === undefined) {
    throw new UsageError(
      '--workers needs REDIS_URL: rate limits are counted by all of them together.',
    )
  }
}
