/** A statement as a page that can be printed: one file, without scripts or anything from elsewhere. The seller's logo stands in it. */
import type { Seller } from '../../config/file/seller.ts'
import { type CreditScale, formatCredits } from '../../lib/credit-scale.ts'
import { formatNumber } from '../../lib/format-figures.ts'
import { printable } from '../../lib/printable-text.ts'
import { partyLines } from './parties.ts'
import type { Cell, Section } from './statement-section.ts'
import { sectionsOf } from './statement-sections.ts'
import type { Parties, Statement } from './statement-shape.ts'
import { statementTitle, subtitle } from './statement-title.ts'

/** What a seller is known by at a glance. */
type Brand = Pick<Seller, 'logo' | 'colour'>

/** @param scale how credits are shown @param brand stands beside the seller's name, where the statement has one */
export function statementPage(
  statement: Statement & Parties,
  scale?: CreditScale,
  brand: Brand = {},
): string {
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
<main>
${parties(statement, brand)}<h1>${title}</h1>
<p>${html(subtitle(statement))}</p>
${sectionsOf(statement, scale)
  .map((of) => section(of, scale))
  .join('\n')}
</main>
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
.parties { display: flex; flex-wrap: wrap; gap: 1em 4em }
.parties div { min-width: 0; max-width: 30em; overflow-wrap: anywhere }
.parties strong { color: #555 }
.parties img { display: block; height: 4em; max-width: 20em; margin-bottom: .5em; object-fit: contain; object-position: left }
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
/* On a narrow screen a table is moved sideways in its own box; paper has none, and breaks words. */
@media screen { .scrolls { overflow-x: auto } th, td { overflow-wrap: break-word } }
`

function parties(statement: Parties, brand: Brand): string {
  const each = partyLines(statement).map(([title, lines]) => {
    const of = title === 'Seller' ? brand : {}
    const texts = lines.map((line) => `<bdi>${html(line)}</bdi>`).join('<br>\n')
    return `<div${lineOf(of)}>${pictureOf(of)}<strong>${title}</strong><br>\n${texts}</div>\n`
  })
  return each.length === 0 ? '' : `<div class="parties">\n${each.join('')}</div>\n`
}

/** The configuration is checked for the colour being one. */
function lineOf({ colour }: Brand): string {
  return colour === undefined
    ? ''
    : ` style="border-left: 4px solid ${colour}; padding-left: .75em"`
}

/** As a picture a drawing runs no scripts, and loads nothing. The name stands beside it. */
function pictureOf({ logo }: Brand): string {
  if (!logo) return ''
  const data = Buffer.from(logo.bytes).toString('base64')
  return `<img alt="" src="data:${logo.mediaType};base64,${data}">\n`
}

function section(
  { title, heads, rows, total, notes }: Section,
  scale: CreditScale | undefined,
): string {
  const isFigure = heads.map((_, column) => rows.some((row) => isFigureCell(row[column])))
  const row = (cells: readonly Cell[], tag = 'td') =>
    `<tr>${cells.map((cell, column) => cellOf(textOf(cell, scale), tag, isFigure[column] ?? false)).join('')}</tr>`
  const table =
    heads.length === 0
      ? ''
      : `<div class="scrolls" role="region" aria-label="${html(title)}" tabindex="0"><table>
<thead>${row(heads, 'th')}</thead>
<tbody>
${rows.map((cells) => row(cells)).join('\n')}
</tbody>
${total ? `<tfoot>${row([...total, ...heads.slice(total.length).map(() => null)])}</tfoot>\n` : ''}</table></div>
`
  return `<h2>${html(title)}</h2>
${table}${notes.map((note) => `<p>${html(note)}</p>`).join('\n')}`
}

function cellOf(text: string, tag: string, isFigure: boolean): string {
  return `<${tag}${isFigure ? ' class="figure"' : ''}>${text}</${tag}>`
}

function textOf(cell: Cell, scale: CreditScale | undefined): string {
  if (cell === null || typeof cell === 'string') return html(cell ?? '')
  return typeof cell === 'object' ? html(formatCredits(cell.credits, scale)) : formatNumber(cell)
}

function isFigureCell(cell: Cell | undefined): boolean {
  return cell !== null && ['number', 'bigint', 'object'].includes(typeof cell)
}

/** Ids are their senders' own texts. */
function html(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return printable(text).replace(/[&<>"]/g, (letter) => entities[letter] ?? letter)
}
