/** Tables of samples: a line for each contender, a column for each figure. */
import { median, spread } from '../parts/statistics.ts'
import type { Results } from './results.ts'
import { figuresOf, of, type Sample, type Which } from './samples.ts'

export interface Column {
  readonly title: string
  readonly cell: (results: Results, which: Which) => string
}

/** A family's table: a line for each contender under each circumstance, in the order of their measurement. */
export function table(results: Results, family: string, columns: readonly Column[], only?: string) {
  const lines = linesOf(results.samples, family).filter(
    ({ row }) => only === undefined || row === only,
  )
  if (lines.length === 0) return ''
  const many = new Set(lines.map(({ row }) => row)).size > 1
  const rows = lines.map((which) => {
    const error = of(results.samples, which).find((sample) => sample.error !== undefined)?.error
    const cells = error
      ? [`no figure: ${error.replaceAll('|', '\\|')}`, ...columns.slice(1).map(() => '')]
      : columns.map(({ cell }) => cell(results, which))
    return [...(many ? [which.row] : []), which.contender, ...cells]
  })
  return markdown([...(many ? [''] : []), '', ...columns.map(({ title }) => title)], rows)
}

function linesOf(samples: readonly Sample[], family: string): Which[] {
  const lines = new Map<string, Which>()
  for (const { family: its, row, contender } of samples) {
    if (its === family) lines.set(`${row}\n${contender}`, { family, row, contender })
  }
  return [...lines.values()]
}

/** The median of one figure. */
export function shown(title: string, figure: string, digits: number): Column {
  return { title, cell: ({ samples }, which) => middle(figuresOf(samples, which, figure), digits) }
}

export function leastAndMost(figure: string): Column {
  return {
    title: 'min – max',
    cell: ({ samples }, which) => extremes(figuresOf(samples, which, figure), 0),
  }
}

export function extremes(figures: readonly number[], digits: number): string {
  if (figures.length === 0) return '–'
  return spread(figures)
    .map((each) => numeral(each, digits))
    .join(' – ')
}

export function middle(figures: readonly number[], digits: number): string {
  return figures.length === 0 ? '–' : numeral(median(figures), digits)
}

export function numeral(value: number, digits: number): string {
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** Columns after the first of words are set to the right. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const words = head.findIndex((title) => title !== '')
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column < words ? '---' : '---:'))
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n')
}
