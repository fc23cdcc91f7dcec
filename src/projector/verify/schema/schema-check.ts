/** Verifies what decides what is written: the ledger's tables, functions, triggers, indexes and privileges are as shipped. */
import { connect, defaultSchema, type Sql } from '../../../ledger/connect.ts'
import type { TemporaryOptions } from '../../temporary-tables.ts'
import { checkPrivileges } from './check-privileges.ts'
import { checkProperties, type SchemaFault } from './check-properties.ts'
import { checkRoles } from './check-roles.ts'
import { describeSchema, type Property } from './describe-schema.ts'
import { findStrangers } from './find-strangers.ts'
import { readShippedSchema } from './shipped-schema.ts'

export interface SchemaVerification {
  /** How many faults there are, and the first of them. */
  readonly faulty: number
  readonly faults: readonly SchemaFault[]
}

export interface SchemaCheck {
  run(): Promise<SchemaVerification>
  close(): Promise<void>
}

/** @param options.maxDescribed faults to describe; the others are only counted */
export function openSchemaCheck(
  options: TemporaryOptions & { readonly maxDescribed: number },
): SchemaCheck {
  const { url, schema = defaultSchema, maxDescribed } = options
  const sql = connect({ url, schema, as: 'reader', max: 1 })
  let shipped: Property[] | undefined

  async function check(): Promise<SchemaFault[]> {
    shipped ??= await readShippedSchema({ url, schema })
    const expected = shipped
    return sql.begin(async (transaction) => {
      const tx = transaction as unknown as Sql
      // Whatever stands in the ledger's schema has no say in how it is looked for.
      await tx`set local search_path = pg_catalog`
      return [
        ...checkProperties(expected, await describeSchema(tx, schema)),
        ...(await findStrangers(tx, schema)),
        ...(await checkPrivileges(tx, schema, expected)),
        ...(await checkRoles(tx)),
      ]
    })
  }

  return {
    async run() {
      // Who reads while a rebuild swaps tables in may see some of the old ones and some of the new: a fault is there twice.
      const faults = (await check()).length > 0 ? await check() : []
      return { faulty: faults.length, faults: faults.slice(0, maxDescribed) }
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
