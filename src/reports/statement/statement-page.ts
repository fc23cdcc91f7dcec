/** A statement as a page that can be printed: one file, without scripts, pictures or anything from elsewhere. */
import { formatNumber } from '../../lib/format-figures.ts'
import { printable } from '../../lib/printable-text.ts'
import type { Cell, Section } from './statement-section.ts'
import { sectionsOf } from './statement-sections.ts'
import type { Statement } from './statement-shape.ts'
import { statementTitle, subtitle } from './statement-title.ts'

export function statementPage(statement: Statement): string {
  const title = html(statementTitle(statement))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
<p>${html(subtitle(statement))}</p>
${sectionsOf(statement).map(section).join('\n')}
<footer>Computed from the events of the log alone. A position names the event that a figure comes from.
This is not a tax invoice.</footer>
</body>
</html>
`
}

const style = `
@page { size: A4 landscape; margin: 12mm }
body { font: 10pt/1.4 system-ui, sans-serif; color: #111; max-width: 70em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 15pt; overflow-wrap: anywhere }
h2 { font-size: 11pt; margin: 1.6em 0 .4em; break-after: avoid }
table { border-collapse: collapse; width: 100% }
thead { display: table-header-group }
tr { break-inside: avoid }
th, td { text-align: left; vertical-align: top; padding: .15em .8em .15em 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere }
th { font-weight: 600; color: #555 }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal }
tfoot td { font-weight: 600; border-bottom: 0; border-top: 1px solid #111 }
footer { margin-top: 2em; color: #555 }
@media print { body { margin: 0; max-width: none; padding: 0 } }
`

function section({ title, heads, rows, total, notes }: Section): string {
  const isFigure = heads.map((_, column) => rows.some((row) => isFigureCell(row[column])))
  const row = (cells: readonly Cell[], tag = 'td') =>
    `<tr>${cells.map((cell, column) => cellOf(cell, tag, isFigure[column] ?? false)).join('')}</tr>`
  const table =
    heads.length === 0
      ? ''
      : `<table>
<thead>${row(heads, 'th')}</thead>
<tbody>
${rows.map((cells) => row(cells)).join('\n')}
</tbody>
${total ? `<tfoot>${row([...total, ...heads.slice(total.length).map(() => null)])}</tfoot>\n` : ''}</table>
`
  return `<h2>${html(title)}</h2>
${table}${notes.map((note) => `<p>${html(note)}</p>`).join('\n')}`
}

function cellOf(cell: Cell, tag: string, isFigure: boolean): string {
  const text = isFigureCell(cell) ? formatNumber(cell) : html(cell ?? '')
  return `<${tag}${isFigure ? ' class="figure"' : ''}>${text}</${tag}>`
}

function isFigureCell(cell: Cell | undefined): cell is number | bigint {
  return typeof cell === 'number' || typeof cell === 'bigint'
}

/** Ids are their senders' own texts. */
function html(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return printable(text).replace(/[&<>"]/g, (letter) => entities[letter] ?? letter)
}
