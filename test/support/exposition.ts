/**
 * A strict reader of the Prometheus text format (version 0.0.4): what it accepts, every scraper does. It
 * also refuses what the format allows and nobody should send: samples without help and type, families in
 * pieces, series twice, histograms that do not add up.
 */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly Sample[]
}

export interface Exposition {
  readonly families: readonly Family[]
  /** The sum of the samples of this name that have these labels; 0 when there are none. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number
  /** The samples of this name, by one of their labels and summed over the others. */
  by(name: string, label: string, labels?: Readonly<Record<string, string>>): Record<string, number>
}

/** @throws Error with the line that is wrong */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families: (Family & { samples: Sample[] })[] = []
  const series = new Set<string>()
  let help: { name: string; text: string } | undefined
  for (const line of text.split('\n')) {
    try {
      readLine(line)
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${line}`)
    }
  }
  for (const family of families) if (family.type === 'histogram') checkHistogram(family)

  function readLine(line: string): void {
    if (line === '') return
    const about = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line)
    if (about) {
      const [, what, name = '', rest = ''] = about
      if (what === 'HELP') {
        if (families.some((family) => family.name === name)) throw new Error('a family twice')
        help = { name, text: rest }
        return
      }
      if (help?.name !== name) throw new Error('a type without its help')
      if (rest !== 'counter' && rest !== 'gauge' && rest !== 'histogram') {
        throw new Error('no such type')
      }
      families.push({ name, help: help.text, type: rest, samples: [] })
      return
    }
    const family = families.at(-1)
    const sample = readSample(line)
    if (!family || !belongs(sample.name, family)) throw new Error('a sample outside its family')
    const identity = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`
    if (series.has(identity)) throw new Error('a series twice')
    series.add(identity)
    if (family.type === 'counter' && !(sample.value >= 0)) throw new Error('a counter below zero')
    family.samples.push(sample)
  }

  function matching(name: string, labels: Readonly<Record<string, string>>): Sample[] {
    return families
      .flatMap(({ samples }) => samples)
      .filter((s) => s.name === name && Object.entries(labels).every(([l, v]) => s.labels[l] === v))
  }

  return {
    families,
    sum: (name, labels = {}) => matching(name, labels).reduce((sum, { value }) => sum + value, 0),
    by(name, label, labels = {}) {
      const sums: Record<string, number> = {}
      for (const { labels: of, value } of matching(name, labels)) {
        const key = of[label] ?? ''
        sums[key] = (sums[key] ?? 0) + value
      }
      return sums
    },
  }
}

function readSample(line: string): Sample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (!match) throw new Error('no sample')
  const [, name = '', list = '', number = ''] = match
  const labels: Record<string, string> = {}
  let rest = list
  while (rest !== '') {
    const label = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest)
    if (!label) throw new Error('no label')
    const [whole, key = '', value = ''] = label
    if (key in labels) throw new Error('a label twice')
    labels[key] = value
    rest = rest.slice(whole.length)
  }
  return { name, labels, value: readNumber(number) }
}

function readNumber(text: string): number {
  if (text === '+Inf' || text === '-Inf') return Number(text.replace('Inf', 'Infinity'))
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw new Error('no number')
  return Number(text)
}

function belongs(name: string, { name: family, type }: Family): boolean {
  if (type !== 'histogram') return name === family
  return ['_bucket', '_sum', '_count'].some((suffix) => name === family + suffix)
}

/** Buckets grow, and the last one, which takes everything, holds as many as were counted. */
function checkHistogram({ name, samples }: Family): void {
  const identity = ({ le, ...labels }: Readonly<Record<string, string>>) => JSON.stringify(labels)
  const last = new Map<string, { bound: number; count: number }>()
  for (const { name: of, labels, value } of samples) {
    if (of === `${name}_bucket`) {
      const before = last.get(identity(labels)) ?? { bound: Number.NEGATIVE_INFINITY, count: 0 }
      const bound = Number((labels.le ?? '').replace('Inf', 'Infinity'))
      if (!(bound > before.bound) || value < before.count) throw new Error(`${name}: buckets`)
      last.set(identity(labels), { bound, count: value })
    } else if (of === `${name}_count`) {
      const all = last.get(identity(labels))
      if (all?.bound !== Number.POSITIVE_INFINITY || all.count !== value) {
        throw new Error(`${name}: the buckets do not hold what was counted`)
      }
    }
  }
}
