/**
 * Verifies a ledger: the log of every shard against the rules of a log, and every projection against what the log
 * makes of it. Whoever keeps the verifier open may run it again: it reads on from where it stopped.
 */
import { projections } from '../../../projections/index.ts'
import { connect } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import type { Progress } from '../progress.ts'
import { type Job, runConcurrently } from '../run-concurrently.ts'
import type { TemporaryOptions } from '../temporary-tables.ts'
import {
  type ComparedProjections,
  closeComparedProjections,
  compareProjections,
  groupProjections,
  openComparedProjections,
  type ProjectionVerification,
  weightOfAll,
} from './compare-projection.ts'
import { combineVerifications, type LogCheck, type LogVerification } from './log-check.ts'
import { openMeaningCheck } from './meaning/meaning-check.ts'
import {
  openSchemaCheck,
  type SchemaCheck,
  type SchemaVerification,
} from './schema/schema-check.ts'
import {
  openTablesCheck,
  type TablesCheck,
  type TablesVerification,
} from './tables/tables-check.ts'

export interface Verification {
  readonly sound: boolean
  readonly log: readonly LogVerification[]
  readonly projections: readonly ProjectionVerification[]
  /** What is wrong in the tables beside the log that no projection is made of. */
  readonly tables: TablesVerification
  /** What is not as shipped of what decides what is written: functions, triggers, indexes, privileges. */
  readonly schema: SchemaVerification
}

export interface Verifier {
  /** Verifies up to the present end of the log. */
  run(progress?: Progress): Promise<Verification>
  close(): Promise<void>
}

interface VerifyOptions extends TemporaryOptions {
  /** Faults of a log, and differing rows of a projection, to describe; the others are only counted. */
  readonly maxDescribed: number
}

/** What the verifier has open, each on a connection of its own. */
interface Opened {
  readonly tables: TablesCheck[]
  readonly schema: SchemaCheck[]
  readonly checks: { readonly name: string; readonly check: LogCheck }[]
  readonly compared: ComparedProjections[]
}

export async function openVerifier(options: VerifyOptions): Promise<Verifier> {
  const opened: Opened = { tables: [], schema: [], checks: [], compared: [] }
  try {
    await openAll(opened, options)
  } catch (error) {
    await closeAll(opened)
    throw error
  }
  return {
    run: (progress) => verify(opened, options, progress),
    close: () => closeAll(opened),
  }
}

async function openAll(
  { tables, schema, checks, compared }: Opened,
  options: VerifyOptions,
): Promise<void> {
  tables.push(openTablesCheck(options))
  schema.push(openSchemaCheck(options))
  for (const shard of await shardsOf(options)) {
    checks.push({ name: `log ${shard}`, check: await openMeaningCheck({ ...options, shard }) })
  }
  for (const group of groupProjections(projections)) {
    compared.push(await openComparedProjections(group, options))
  }
}

async function closeAll({ tables, schema, checks, compared }: Opened): Promise<void> {
  await Promise.all([
    ...[...tables, ...schema].map((check) => check.close()),
    ...checks.map(({ check }) => check.close()),
    ...compared.map(closeComparedProjections),
  ])
}

async function verify(
  { tables, schema, checks, compared }: Opened,
  { maxDescribed }: VerifyOptions,
  progress: Progress | undefined,
): Promise<Verification> {
  const jobs: Job<LogVerification | ProjectionVerification[]>[] = [
    ...checks.map(({ name, check }) => ({
      name,
      weight: Number.POSITIVE_INFINITY,
      work: (progress: Progress) => check.advance(progress),
    })),
    ...compared.map((each) => ({
      name: each.projections.map(({ name }) => name).join(', '),
      weight: weightOfAll(each),
      work: (progress: Progress) => compareProjections(each, progress),
    })),
  ]
  const [verifications, [ofTables], [ofSchema]] = await Promise.all([
    runConcurrently('verify', jobs, progress),
    Promise.all(tables.map((check) => check.run())) as Promise<[TablesVerification]>,
    Promise.all(schema.map((check) => check.run())) as Promise<[SchemaVerification]>,
  ])
  const ofChecks = verifications.slice(0, checks.length) as LogVerification[]
  const log = [...Map.groupBy(ofChecks, ({ shard }) => shard).values()].map((ofShard) =>
    combineVerifications(ofShard, maxDescribed),
  )
  const compares = (verifications.slice(checks.length) as ProjectionVerification[][]).flat()
  const ofProjections = projections.flatMap(({ name }) =>
    compares.filter(({ projection }) => projection === name),
  )
  const sound =
    ofTables.faulty === 0 &&
    ofSchema.faulty === 0 &&
    log.every(({ faulty }) => faulty === 0) &&
    ofProjections.every(({ differing, failure }) => differing === 0 && failure === undefined)
  return { sound, log, projections: ofProjections, tables: ofTables, schema: ofSchema }
}

async function shardsOf({ url, schema }: TemporaryOptions): Promise<number[]> {
  const sql = connect({ url, ...(schema && { schema }), as: 'reader', max: 1 })
  try {
    return await readShards(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
