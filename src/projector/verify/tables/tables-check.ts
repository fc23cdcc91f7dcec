/** Verifies the tables beside the log: what the ledger keeps that is no projection of it. */
import { connect } from '../../../ledger/connect.ts'
import { readHeads } from '../../../ledger/read/read-heads.ts'
import type { TemporaryOptions } from '../../temporary-tables.ts'
import { checkCommands } from './check-commands.ts'
import { checkTables, type TableFault } from './check-tables.ts'

export interface TablesVerification {
  /** How many faults there are, and the first of them. */
  readonly faulty: number
  readonly faults: readonly TableFault[]
}

export interface TablesCheck {
  run(): Promise<TablesVerification>
  close(): Promise<void>
}

/** @param options.maxDescribed faults to describe; the others are only counted */
export function openTablesCheck(
  options: TemporaryOptions & { readonly maxDescribed: number },
): TablesCheck {
  const { url, schema, maxDescribed } = options
  const sql = connect({ url, ...(schema && { schema }), as: 'reader', max: 1 })
  return {
    async run() {
      const faults = await checkTables(sql)
      for (const { shard, position: upTo } of await readHeads(sql)) {
        for (const { position, fault } of await checkCommands(sql, shard, upTo)) {
          const row = position === null ? `shard ${shard}` : `${shard}-${position}`
          faults.push({ table: 'management_commands', row, fault })
        }
      }
      return { faulty: faults.length, faults: faults.slice(0, maxDescribed) }
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
