/** Writes the suite's part of docs/BENCHMARKS.md: what stands between its markers, from results alone. */
import { median, spread } from '../parts/statistics.ts'
import type { Machine } from './machine.ts'
import type { Results } from './results.ts'
import { type Section, sections } from './sections.ts'
import { markdown, numeral } from './table.ts'
import { isReached, type Target, targets } from './targets.ts'

const begin = '<!-- suite: written by `bun run bench --doc` -->'
const end = '<!-- /suite -->'

/** The page with its suite's part replaced. @throws when it has no such part */
export function withSuite(page: string, results: Results): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the page has no part between ${begin} and ${end}`)
  return `${page.slice(0, from)}${begin}\n\n${suitePart(results)}\n\n${page.slice(to)}`
}

export function suitePart(results: Results): string {
  const all = [
    { title: 'How it was measured', text: describeRun },
    { title: 'Targets', text: targetTable },
    ...sections,
  ] satisfies Section[]
  const said = all.flatMap(({ title, note, text }: Section) => {
    const written = text(results)
    return written ? [`### ${title}`, ...(note ? [note] : []), written] : []
  })
  return [`## The suite, measured on ${results.startedAt.slice(0, 10)}`, ...said].join('\n\n')
}

/** One row per target: what was aimed at, what was measured, and whether that reaches it. Empty when none was. */
export function targetTable(results: Results): string {
  const figuresOfAll = targets.map((target) => target.figures(results))
  if (figuresOfAll.every(({ length }) => length === 0)) return ''
  const rows = targets.map((target, i) => {
    const figures = figuresOfAll[i] as number[]
    if (figures.length === 0) return [target.what, boundOf(target), '–', '–', 'not measured']
    const figure = median(figures)
    const shown = (value: number) => numeral(value, target.digits)
    const [least, most] = spread(figures)
    const { bound } = target
    const verdict = !bound ? '–' : isReached(bound, figure) ? 'reached' : '**not reached**'
    const measured = [shown(figure), target.unit].filter(Boolean).join(' ')
    return [target.what, boundOf(target), measured, `${shown(least)} – ${shown(most)}`, verdict]
  })
  return markdown(['', 'target', 'measured', 'spread', ''], rows)
}

function boundOf({ bound, unit }: Target): string {
  if (!bound) return '–'
  const [sign, value] = 'min' in bound ? ['≥', bound.min] : ['≤', bound.max]
  return [sign, value.toLocaleString('en'), unit].filter(Boolean).join(' ')
}

function describeRun(results: Results): string {
  const { machine, rounds, seconds, sizes, load } = results
  const before = load.find(({ when }) => when === 'before')?.average
  // Nothing of the suite runs yet: what wants a core then is somebody else's.
  const busy = before !== undefined && before >= 1
  const during = load.filter(({ when }) => when !== 'before').map(({ average }) => average)
  const [least, most] = spread(during)
  const took = Date.parse(results.finishedAt) - Date.parse(results.startedAt)
  const number = (count: number) => count.toLocaleString('en')
  return [
    `\`${results.command}\`, in ${(took / 60_000).toFixed(1)} minutes. ${describe(machine)}`,
    [
      `Load average ${before?.toFixed(1)} before, ${least.toFixed(1)} to ${most.toFixed(1)} during (the suite's own load included).${busy ? ' **The machine did other work meanwhile**, so these figures say little by themselves.' : ''}`,
      `${rounds} rounds of ${seconds} s each, in which the contenders take turns; medians, and the lowest and highest round. A ratio is the median of the rounds' own.`,
      `Many keys are ${number(sizes.accounts)}, each on an account of its own. An hour's worth of calls is ${number(sizes.hourOfCalls)}, ${number(Math.round(sizes.hourOfCalls / 3_600))} a second; the long log has ${number(sizes.logEvents)} events.`,
    ].join('\n'),
  ].join('\n\n')
}

function describe({ processor, cores, memoryGb, kernel, versions, settings, commit }: Machine) {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const set = Object.entries(settings).map(([name, value]) => `\`${name}\` ${value}`)
  return [
    `${cores} cores (${processor}), ${memoryGb} GB, ${kernel}, shared by the load generator, the services, the gateway, PostgreSQL and Redis.`,
    `${programs.join(', ')}${commit ? `, Tollbook at ${commit}` : ''}. PostgreSQL: ${set.join(', ')}.`,
  ].join('\n')
}
