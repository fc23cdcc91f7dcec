/** Whether everything in the ledger's schema is as this version of the program makes it. */
import type { Property } from './describe-schema.ts'

/** Something in the schema that is not as shipped. */
export interface SchemaFault {
  /** Such as `events, trigger refuse_change` or `function ledger_now()`. */
  readonly object: string
  readonly fault: string
}

/** A table, something that belongs to one, or a function. */
interface Thing {
  readonly table: string | null
  readonly what: string
  /** Values by the names of properties. */
  readonly properties: Map<string, string>
}

export function checkProperties(
  shipped: readonly Property[],
  actual: readonly Property[],
): SchemaFault[] {
  const partitions = partitionsIn(actual)
  const expected = thingsOf(forPartitions(shipped, partitions))
  const found = thingsOf(actual)
  const faults = [
    ...[...expected.keys()].flatMap((name) => faultsOf(name, expected, found)),
    ...[...found.keys()].flatMap((name) => strangeFaults(name, expected, found)),
  ]
  // What the log as a whole lacks, each of its partitions lacks.
  const ofLog = new Set(faults.map(({ object, fault }) => `${object}: ${fault}`))
  return faults.filter(({ object, fault }) => {
    const [table = '', ...what] = object.split(', ')
    return !partitions.has(table) || !ofLog.has(`${['events', ...what].join(', ')}: ${fault}`)
  })
}

function partitionsIn(properties: readonly Property[]): Set<string> {
  return new Set(
    properties.flatMap(({ isPartition, table }) => (isPartition && table !== null ? [table] : [])),
  )
}

/** What is shipped of a partition is said of each that is there: how many there are depends on the log. */
function forPartitions(shipped: readonly Property[], partitions: ReadonlySet<string>): Property[] {
  const ofPartition = shipped.filter(({ isPartition }) => isPartition)
  return [
    ...shipped.filter(({ isPartition }) => !isPartition),
    ...[...partitions].flatMap((table) => ofPartition.map((each) => ({ ...each, table }))),
  ]
}

function thingsOf(properties: readonly Property[]): Map<string, Thing> {
  const things = new Map<string, Thing>()
  for (const { table, what, property, value } of properties) {
    const own = what.replace('PARTITION', table ?? '')
    const name = [table, own].filter((part) => part).join(', ')
    const thing = things.get(name) ?? { table, what: own, properties: new Map() }
    thing.properties.set(property, value)
    things.set(name, thing)
  }
  return things
}

function faultsOf(
  object: string,
  expected: ReadonlyMap<string, Thing>,
  found: ReadonlyMap<string, Thing>,
): SchemaFault[] {
  const { table, what, properties } = expected.get(object) as Thing
  const thing = found.get(object)
  if (!thing) {
    // Of a table that is missing, what belonged to it is not listed.
    const isPartOfMissing = table !== null && what !== '' && !found.has(table)
    return isPartOfMissing ? [] : [{ object, fault: 'it is missing' }]
  }
  return [...properties].flatMap(([property, value]) => {
    const actual = thing.properties.get(property) ?? ''
    return actual === value ? [] : [{ object, fault: difference(property, actual, value) }]
  })
}

const maxQuoted = 100

function difference(property: string, actual: string, shipped: string): string {
  return Math.max(actual.length, shipped.length) <= maxQuoted
    ? `its ${property}: "${actual}", as shipped "${shipped}"`
    : `its ${property} is not as shipped`
}

/**
 * What belongs to a shipped table decides what that takes. Any function may be taken for one of PostgreSQL's own, whose parameters
 * fit less well. Tables of others decide nothing.
 */
function strangeFaults(
  object: string,
  expected: ReadonlyMap<string, Thing>,
  found: ReadonlyMap<string, Thing>,
): SchemaFault[] {
  const { table } = found.get(object) as Thing
  if (expected.has(object) || (table !== null && !expected.has(table))) return []
  return [{ object, fault: 'it is not shipped' }]
}
