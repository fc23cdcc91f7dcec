/**
 * The schema as this version of the program makes it: the texts that `migrate` runs are run in the temporary schema of a
 * connection, described, and rolled back. So there is no second list of what is shipped, and the same server writes both
 * descriptions. Any login that may make temporary tables can do it.
 */
import { connect } from '../../../ledger/connect.ts'
import { schemaTexts } from '../../../ledger/migrate/schema-texts.ts'
import type { TemporaryOptions } from '../../temporary-tables.ts'
import { describeSchema, type Property } from './describe-schema.ts'

/** @param options.schema functions say in their settings where they look for tables */
export async function readShippedSchema(
  options: TemporaryOptions & { readonly schema: string },
): Promise<Property[]> {
  const sql = connect({ ...options, as: 'reader', max: 1 })
  try {
    // Functions are not looked up in pg_temp, so what names one as it is made says where it is; bodies are not looked into.
    const texts = schemaTexts().map((text) =>
      text.replaceAll('execute function ', 'execute function pg_temp.'),
    )
    await sql.unsafe(
      [
        'begin',
        'set local search_path = pg_temp',
        'set local check_function_bodies = off',
        ...texts,
      ].join(';\n'),
    )
    await sql.unsafe('select pg_temp.make_partitions(1, 0)')
    const properties = await describeSchema(sql, 'pg_temp')
    await sql.unsafe('rollback')
    return properties.map((each) =>
      each.property === 'settings'
        ? { ...each, value: each.value.replace('pg_temp', `${options.schema}, pg_temp`) }
        : each,
    )
  } finally {
    await sql.end({ timeout: 5 })
  }
}
