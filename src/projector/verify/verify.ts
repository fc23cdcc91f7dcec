/**
 * Verifies a ledger: the log of every shard, and every projection against what the log makes of it. Whoever
 * keeps the verifier open may ask again: it reads on from where it stopped.
 */
import { projections } from '../../../projections/index.ts'
import type { Projection } from '../../../projections/projection.ts'
import { connect } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-for-calls.ts'
import { weightOf } from '../mapping.ts'
import type { Progress } from '../ranges.ts'
import { type Job, runConcurrently } from '../run-concurrently.ts'
import { openTemporaryProjection, type TemporaryProjection } from '../temporary-projection.ts'
import type { TemporaryOptions } from '../temporary-tables.ts'
import { credits } from './verify-credits.ts'
import { allOf, type LogCheck, type LogVerdict, openLogCheck } from './verify-log.ts'
import { order } from './verify-order.ts'
import { compareOnce, type ProjectionVerdict } from './verify-projection.ts'

export interface Verdict {
  readonly sound: boolean
  readonly log: readonly LogVerdict[]
  readonly projections: readonly ProjectionVerdict[]
}

export interface Verifier {
  /** Verifies up to the present end of the log. */
  run(progress?: Progress): Promise<Verdict>
  close(): Promise<void>
}

export interface VerifyOptions extends TemporaryOptions {
  /** Faults, and differing rows of a projection, to describe; the others are only counted. */
  readonly most: number
}

export async function openVerifier(options: VerifyOptions): Promise<Verifier> {
  const checks: { shard: number; name: string; check: LogCheck }[] = []
  const temporaries: { projection: Projection; temporary: TemporaryProjection }[] = []

  async function close(): Promise<void> {
    const open = [
      ...checks.map(({ check }) => check),
      ...temporaries.map(({ temporary }) => temporary),
    ]
    await Promise.all(open.map((each) => each.close()))
  }

  try {
    for (const shard of await shardsOf(options)) {
      for (const rules of [credits, order]) {
        const check = await openLogCheck(rules, { ...options, shard })
        checks.push({ shard, name: `${rules.name} ${shard}`, check })
      }
    }
    for (const projection of projections) {
      temporaries.push({
        projection,
        temporary: await openTemporaryProjection(projection, options),
      })
    }
  } catch (error) {
    await close()
    throw error
  }

  return {
    close,
    async run(progress) {
      const jobs: Job<LogVerdict | ProjectionVerdict>[] = [
        ...checks.map(({ name, check }) => ({
          name,
          weight: Number.POSITIVE_INFINITY,
          work: (progress: Progress) => check.advance(progress),
        })),
        ...temporaries.map(({ projection, temporary }) => ({
          name: projection.name,
          weight: weightOf(projection),
          work: (progress: Progress) =>
            compareOnce(projection, temporary, { most: options.most, progress }),
        })),
      ]
      const verdicts = await runConcurrently('verify', jobs, progress)
      const ofLogs = verdicts.slice(0, checks.length) as LogVerdict[]
      const log = [...Map.groupBy(ofLogs, ({ shard }) => shard).values()].map((ofShard) =>
        allOf(ofShard, options.most),
      )
      const compared = verdicts.slice(checks.length) as ProjectionVerdict[]
      const sound =
        log.every(({ faulty }) => faulty === 0) &&
        compared.every(({ differing, failure }) => differing === 0 && failure === undefined)
      return { sound, log, projections: compared }
    },
  }
}

async function shardsOf({ url, schema }: TemporaryOptions): Promise<number[]> {
  const sql = connect({ url, ...(schema && { schema }), as: 'serving', max: 1 })
  try {
    return await readShards(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
