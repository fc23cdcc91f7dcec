/** `bun run seed-log [--events N] [--keys N]`: fills an empty ledger with a realistic, valid history. */
import { parseArgs } from 'node:util'
import { loadConfig } from '../src/config/load-config.ts'
import { migrate } from '../src/ledger/migrate/migrate.ts'
import { history } from './seed/history.ts'
import { writeHistory } from './seed/write.ts'

export interface SeedOptions {
  readonly events: number
  readonly keys: number
  readonly months?: number
  readonly seed?: number
  /** When the history ends, in milliseconds since 1970; a minute ago unless said. */
  readonly until?: number
}

const dayMs = 86_400_000

/**
 * Migrates the database and writes the history: `months` of it (3). The log alone is written; its
 * projections are to be replayed.
 * @param url of the schema's owner, a superuser
 */
export async function seedLog(
  url: string,
  { events, keys, months = 3, seed = 1, until = Date.now() - 60_000 }: SeedOptions,
  progress: (done: number) => void = () => {},
): Promise<number> {
  await migrate({ url })
  const from = until - months * 30 * dayMs
  const config = loadConfig({ env: {} })
  return writeHistory(url, history({ config, events, keys, seed, from, until }), progress)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '1000000' },
      keys: { type: 'string', default: '10000' },
      months: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
      database: { type: 'string' },
    },
  })
  const url = values.database ?? process.env.DATABASE_URL
  if (!url) {
    console.error(
      'which database? Set DATABASE_URL or pass --database: an empty one, as a superuser.',
    )
    process.exit(1)
  }
  const [events, keys] = [Number(values.events), Number(values.keys)]
  const startedAt = performance.now()
  const options = { events, keys, months: Number(values.months), seed: Number(values.seed) }
  const written = await seedLog(url, options, (done) =>
    console.error(`${done} of ${events} events`),
  )
  const seconds = (performance.now() - startedAt) / 1_000
  console.log(
    `${written} events in ${seconds.toFixed(1)} s, ${Math.round(written / seconds)} a second.`,
  )
  process.exit(0)
}
