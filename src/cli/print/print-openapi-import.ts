/** Prints what an import of an OpenAPI document carried over, and what it did not. */
import type { ImportReport } from '../../config/import/import-openapi.ts'
import { namesOf } from '../../config/import/write-config.ts'
import { formatNumber, table } from '../output.ts'

/** A longer list is at the head of the file, or in the JSON. */
const maxListed = 40

export function printOpenApiImport(report: ImportReport, print: (text: string) => void): void {
  const { source, operations, routes, schemas, leftOut, notes, credentials } = report
  const counts = [routes, operations, schemas].map((count) => formatNumber(count))
  print(`${source}: ${counts[0]} of ${counts[1]} operations are routes, with ${counts[2]} schemas.`)
  if (leftOut.length > 0) {
    print('\nLeft out')
    const rows = leftOut.map(({ operation, reason }) => [operation, reason])
    table(['Operation', 'Why'], rows.slice(0, maxListed), print)
    if (rows.length > maxListed) print(`and ${formatNumber(rows.length - maxListed)} more`)
  }
  if (notes.length > 0) {
    print('\nNot as the document says it')
    const rows = notes.map(({ what, operations: all }) => [all.length, what, namesOf(all)])
    table(['', 'What', 'Where'], rows.slice(0, maxListed), print)
    if (rows.length > maxListed) print(`and ${formatNumber(rows.length - maxListed)} more`)
  }
  for (const line of credentials) print(`\nThe upstream seems to need a credential: ${line}`)
}
