/** Prints a statement as tables. */

import { printable } from '../../lib/printable-text.ts'
import { partyLines } from '../../reports/statement/parties.ts'
import { sectionsOf } from '../../reports/statement/statement-sections.ts'
import type { Parties, Statement } from '../../reports/statement/statement-shape.ts'
import { statementTitle, subtitle } from '../../reports/statement/statement-title.ts'
import { bold, creditScale, dim, heading, pairs, say, table } from '../output.ts'

export function printStatement(statement: Statement & Parties): void {
  say(bold(printable(statementTitle(statement))))
  say(dim(printable(subtitle(statement))))
  const parties = partyLines(statement)
  if (parties.length > 0) {
    say('')
    pairs(parties.map(([title, lines]) => [title, lines.join(', ')]))
  }
  for (const { title, heads, rows, total, notes } of sectionsOf(statement, creditScale())) {
    heading(title)
    if (heads.length > 0) table(heads, total ? [...rows, total] : rows)
    for (const note of notes) say(dim(printable(note)))
  }
}
