/** The architecture as a test: dependencies point one way, and each tool is known in its own place only. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** From the bottom up. A part imports from lower lines only: not from its own, and not from above. */
const lines = [
  ['lib'],
  ['events', 'demo', 'postgres', 'pages'],
  ['projections'],
  ['ledger', 'pricing', 'providers'],
  ['config'],
  ['problems'],
  ['gate', 'projector', 'reports'],
  ['management'],
  ['proxy', 'http', 'import', 'export'],
  ['server'],
  ['cli'],
]

/** The lowest line may import within itself: small files that know nothing of Tollbook. */
const lineOf = (part: string) => lines.findIndex((line) => line.includes(part))

const knows: Readonly<Record<string, readonly string[]>> = {
  elysia: ['server', 'http'],
  '@elysiajs/': ['server', 'http'],
  commander: ['cli'],
  ioredis: ['gate', 'cli'],
  postgres: ['ledger', 'projector', 'postgres', 'import', 'cli'],
}

/** Where SQL may stand; `import` reads the database of the replaced service, `postgres` asks the server for its folder. */
const speaksSql = ['ledger', 'projections', 'projector', 'reports', 'import', 'postgres']

interface Source {
  readonly file: string
  /** The folder, or the file where it stands in src/ itself. */
  readonly part: string
  readonly text: string
  readonly imports: readonly string[]
}

const root = join(import.meta.dir, '../..')
const sources = ['events', 'projections', 'src'].flatMap(sourcesIn)

function sourcesIn(folder: string): Source[] {
  return [...new Bun.Glob(`${folder}/**/*.ts`).scanSync(root)]
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => read(file))
}

function read(file: string): Source {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(
    /^(?:import|export)\b[^'"`;]*?\bfrom '([^']+)'|\bimport\('([^']+)'\)/gm,
  )
  const imports = [...found].map((match) => match[1] ?? match[2] ?? '')
  return { file, part: partOf(file), text, imports }
}

function partOf(file: string): string {
  const steps = file.split('/')
  return (steps[0] === 'src' ? steps[1] : steps[0]) ?? ''
}

test('every part has its place', () => {
  const parts = new Set(sources.map(({ part }) => part))
  expect([...parts].filter((part) => lineOf(part) < 0)).toEqual([])
})

test('imports point downwards', () => {
  const wrong = sources.flatMap(({ file, part, imports }) =>
    imports
      .filter((target) => target.startsWith('.') && target.endsWith('.ts'))
      .map((target) => partOf(relative(root, join(root, dirname(file), target))))
      .filter((target) => target !== part && lineOf(target) >= Math.max(lineOf(part), 1))
      .map((target) => `${file} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

describe('a tool is known in its own place', () => {
  test.each(Object.entries(knows))('%s', (tool, parts) => {
    const wrong = sources
      .filter(({ imports }) => imports.some((name) => isOf(tool, name)))
      .filter(({ part }) => !parts.includes(part))
    expect(wrong.map(({ file }) => file)).toEqual([])
    expect(sources.some(({ imports }) => imports.some((name) => isOf(tool, name)))).toBe(true)
  })

  function isOf(tool: string, name: string): boolean {
    return tool.endsWith('/') ? name.startsWith(tool) : name === tool
  }

  test('SQL', () => {
    const speaking = sources.filter(({ text }) =>
      // A bare `select`, which only asks whether anybody is there, is none.
      /\b(sql|tx)(<[^`]{0,200}>)?`\s*\w+\s|\.unsafe[(<]/.test(text),
    )
    expect(speaking.length).toBeGreaterThan(10)
    const wrong = speaking.filter(({ part }) => !speaksSql.includes(part))
    expect(wrong.map(({ file }) => file)).toEqual([])
  })

  test('the environment', () => {
    const reads = sources.filter(({ text }) => text.includes('process.env'))
    const wrong = reads.filter(({ part }) => part !== 'cli')
    // One hides a variable from the client library; the other gives the server it starts a PATH, and nothing else.
    expect(wrong.map(({ file }) => file).sort()).toEqual([
      'src/ledger/connection/open-postgres.ts',
      'src/postgres/cluster.ts',
    ])
  })
})
