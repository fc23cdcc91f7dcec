/** Prints a statement as tables. */

import { printable } from '../../lib/printable-text.ts'
import { sectionsOf } from '../../reports/statement/statement-sections.ts'
import type { Statement } from '../../reports/statement/statement-shape.ts'
import { statementTitle, subtitle } from '../../reports/statement/statement-title.ts'
import { bold, creditScale, dim, heading, say, table } from '../output.ts'

export function printStatement(statement: Statement): void {
  say(bold(printable(statementTitle(statement))))
  say(dim(printable(subtitle(statement))))
  for (const { title, heads, rows, total, notes } of sectionsOf(statement, creditScale())) {
    heading(title)
    if (heads.length > 0) table(heads, total ? [...rows, total] : rows)
    for (const note of notes) say(dim(printable(note)))
  }
}
