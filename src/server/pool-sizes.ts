/** How many connections to PostgreSQL a gateway takes. */
import { manages, type Plane, sells } from './plane.ts'

export const poolSizes = {
  /** Of calls: reading keys, stored responses, the periodic tasks. */
  calls: 8,
  /** For each shard. */
  appender: 1,
  management: 4,
  /** Of owners' routes, where they have a login of their own. */
  portal: 4,
  /** Of management, and of owners' routes. */
  reports: 2,
  /** Of calls, where the gateway sells. */
  metrics: 1,
} as const

/** At most, by the role of their login. While a lost pool is replaced, what is under way in it keeps its connections. */
export function connectionsOf(
  plane: Plane,
  shards: number,
): { readonly calls: number; readonly management: number; readonly portal: number } {
  const { calls, appender, management, portal, reports, metrics } = poolSizes
  return {
    calls: sells(plane) ? calls + shards * appender + metrics : 0,
    management: manages(plane) ? management + reports + (sells(plane) ? 0 : metrics) : 0,
    portal: manages(plane) ? portal + reports : 0,
  }
}
