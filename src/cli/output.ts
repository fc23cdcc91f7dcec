/**
 * Prints results on stdout: tables and headings for people, JSON for programs. Colours appear only on a terminal, and
 * never with NO_COLOR set.
 */
import Table from 'cli-table3'
import pc from 'picocolors'
import {
  type CreditScale,
  type CreditsCell,
  creditsText,
  formatCredits,
} from '../lib/credit-scale.ts'
import { formatNumber } from '../lib/format-figures.ts'
import { printable, printableLines } from '../lib/printable-text.ts'
import type { Sum } from '../lib/sums.ts'

export { asCredits } from '../lib/credit-scale.ts'
export { formatMoney, formatNumber } from '../lib/format-figures.ts'

const colour = pc.createColors(
  Boolean(process.stdout.isTTY) && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
)

export const { bold, dim, green, red, yellow } = colour

/** Prints lines of text on stdout. A colour is the only control sequence that comes through: others could be a stranger's. */
export function say(text: string): void {
  console.log(printableLines(text))
}

/** The same on stderr. */
export function complain(text: string): void {
  console.error(printableLines(text))
}

export type Cell = string | number | bigint | CreditsCell | null

/**
 * Prints rows under their headings. A column of numbers is aligned to the right; null is an empty cell.
 *
 * @param print takes what is printed; stdout unless given
 */
export function table(
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  print: (text: string) => void = say,
): void {
  const colAligns = heads.map((_, column) =>
    rows.some((row) => isFigure(row[column])) ? ('right' as const) : ('left' as const),
  )
  const printed = new Table({
    head: heads.map((head) => dim(head)),
    colAligns,
    // Without these cli-table3 colours everything, on a terminal or not.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: noBorders,
  })
  printed.push(...rows.map((row) => row.map(printCell)))
  const lines = printed.toString().split('\n')
  print(lines.map((line) => line.trimEnd()).join('\n'))
}

/** Prints names with their values, one a line. A value of null leaves its line out. */
export function pairs(lines: readonly (readonly [string, Cell])[]): void {
  const width = Math.max(...lines.map(([name]) => name.length))
  for (const [name, cell] of lines) {
    if (cell !== null) say(`${dim(name.padEnd(width))}  ${printCell(cell)}`)
  }
}

/** Prints a heading, with an empty line before it. */
export function heading(text: string): void {
  say(`\n${bold(printable(text))}`)
}

/** Prints one JSON document. */
export function json(document: unknown): void {
  say(JSON.stringify(document, null, 2))
}

/**
 * Writes text of any length, no faster than it is read. Ends the program when the reader is gone, as `head` is after
 * its lines.
 */
export async function write(text: string): Promise<void> {
  if (process.stdout.listenerCount('error') === 0) {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      process.exit(error.code === 'EPIPE' ? 0 : 1)
    })
  }
  if (process.stdout.write(printableLines(text))) return
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve))
}

/** How the ledger at hand shows credits; undefined: as whole numbers. */
let scale: CreditScale | undefined

/** From now on credits are printed so. */
export function showCreditsAs(shown: CreditScale | undefined): void {
  scale = shown
}

/** How credits are printed. */
export function creditScale(): CreditScale | undefined {
  return scale
}

/** `1 credit`, `1,234 credits`, or as the ledger shows them */
export function credits(count: Sum): string {
  return creditsText(count, scale)
}

/** The same as a mere figure: `1,234` */
export function creditFigure(count: Sum | bigint): string {
  return formatCredits(count, scale)
}

/** An ISO time as `2026-01-31 23:59:59`, in UTC. */
export function time(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}

function printCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'object') return formatCredits(cell.credits, scale)
  return typeof cell === 'string' ? printable(cell) : formatNumber(cell)
}

function isFigure(cell: Cell | undefined): boolean {
  return cell !== null && ['number', 'bigint', 'object'].includes(typeof cell)
}

const noBorders = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((part) => [part, '']),
)
