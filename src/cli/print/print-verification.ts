/** What `tollbook verify` found, as lines of text. */
import { printable } from '../../lib/printable-text.ts'
import type { RowDifference } from '../../projector/verify/compare-slice.ts'
import type { Verification } from '../../projector/verify/verifier.ts'
import { bold, dim, formatNumber, green, red, say } from '../output.ts'
import type { ComparedFile, FileComparison } from '../verify/compare-files.ts'

export function printVerification(verification: Verification & FileComparison): void {
  for (const line of faultLines(verification)) say(printable(line))
  for (const { file, faulty, faults } of verification.files) {
    for (const line of [
      ...faults.map((fault) => `${file}: ${fault}`),
      ...more(faulty - faults.length),
    ])
      say(printable(line))
  }
  for (const { shard, upTo, faulty } of verification.log) {
    const counted = countOfAll(faulty, 'fault', upTo, 'event')
    say(`${mark(faulty)}  log, up to ${shard}-${upTo}: ${counted}`)
  }
  for (const { projection, rows, differing, failure } of verification.projections) {
    if (failure !== undefined) continue // It has a line among the faults.
    const counted = countOfAll(differing, 'differing row', rows, 'row')
    say(`${mark(differing)}  ${projection}: ${counted}`)
  }
  const { tables, schema } = verification
  for (const [name, { faulty }] of [
    ['tables beside the log', tables],
    ['functions, triggers, indexes and privileges', schema],
  ] as const) {
    say(`${mark(faulty)}  ${name}${faulty > 0 ? `: ${countOf(faulty, 'fault')}` : ''}`)
  }
  for (const file of verification.files) say(`${mark(file.faulty)}  ${printable(fileLine(file))}`)
  say(bold(verification.sound ? 'The ledger is what its log says.' : red(verdict(verification))))
  say(dim('Only evidence from outside of the database can tell (--mark FILE):'))
  for (const line of verification.onlyFromOutside) say(dim(`- ${line}`))
}

/** What is not what, how much of it, and where it stands what to do. */
function verdict({ log, projections, tables, schema, files }: Verification & FileComparison) {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  const ofLedger =
    sum([...log, tables, schema].map(({ faulty }) => faulty)) +
    sum(projections.map(({ differing, failure }) => differing + (failure === undefined ? 0 : 1)))
  const ofFiles = sum(files.map(({ faulty }) => faulty))
  const found =
    ofLedger > 0 ? 'The ledger is NOT what its log says' : 'The log is NOT what was seen of it'
  return `${found}: ${countOf(ofLedger + ofFiles, 'fault')}. What to do: docs/RUNBOOK.md#ledgerdiffers`
}

/** `seen.json has seen the log up to 0-123` */
function fileLine({ file, kind, upTo, lost, signedBy, faulty }: ComparedFile): string {
  const has = kind === 'backup' ? 'has the events' : 'has seen the log'
  const by = signedBy ? `, signed by ${signedBy}` : ', and its signature was not checked'
  const after = lost.map(
    ({ from, upTo }) => `; ${from} to ${upTo} were lost, which the owner accepted at ${from}`,
  )
  const found = faulty > 0 ? `: ${countOf(faulty, 'fault')}` : ''
  return `${file} ${has} up to ${upTo.join(', ')}${kind === 'backup' ? by : ''}${after.join('')}${found}`
}

/** What is wrong, one fault a line. A last line counts those that are not listed. */
export function faultLines(verification: Verification): string[] {
  return [
    ...verification.log.flatMap(({ faults, faulty }) => [
      ...faults.map(({ shard, position, fault }) => `${shard}-${position}: ${fault}`),
      ...more(faulty - faults.length),
    ]),
    ...verification.projections.flatMap(({ projection, differences, differing, failure }) => [
      ...(failure === undefined ? [] : [`${projection}: cannot be made from this log: ${failure}`]),
      ...differences.map(differenceLine),
      ...more(differing - differences.length),
    ]),
    ...verification.tables.faults.map(({ table, row, fault }) => `${table} (${row}): ${fault}`),
    ...more(verification.tables.faulty - verification.tables.faults.length),
    ...verification.schema.faults.map(({ object, fault }) => `${object}: ${fault}`),
    ...more(verification.schema.faulty - verification.schema.faults.length),
  ]
}

function mark(faults: number): string {
  return faults === 0 ? green('ok      ') : red('differs ')
}

/** `3 faults, 1,000 events` */
function countOfAll(faults: number, fault: string, all: number, each: string): string {
  const total = dim(countOf(all, each))
  return faults === 0 ? total : `${countOf(faults, fault)}, ${total}`
}

function countOf(number: number, noun: string): string {
  return `${formatNumber(number)} ${noun}${number === 1 ? '' : 's'}`
}

function more(count: number): string[] {
  return count > 0 ? [`… and ${formatNumber(count)} more`] : []
}

function differenceLine({ table, key, columns, only }: RowDifference): string {
  const names = Object.entries(key).map(([name, value]) => `${name} ${value}`)
  const row = `${table} (${names.join(', ')})`
  if (only === 'table') return `${row}: the log knows no such row`
  if (only === 'log') return `${row}: the row is missing`
  const differing = Object.entries(columns).map(
    ([name, { table, log }]) =>
      `${name} is ${JSON.stringify(table)}, the log says ${JSON.stringify(log)}`,
  )
  return `${row}: ${differing.join('; ')}`
}
