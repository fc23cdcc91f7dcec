/** Every export of src/, events/ and projections/ is imported by another file. Tests and bench count, too. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Source {
  readonly file: string
  readonly text: string
}

const root = join(import.meta.dir, '../..')
const sources = ['events', 'projections', 'src', 'test', 'bench', 'docs'].flatMap(sourcesIn)

function sourcesIn(folder: string): Source[] {
  return [...new Bun.Glob(`${folder}/**/*.{ts,tsx,md}`).scanSync(root)]
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
}

/** The names that a file exports, `default` included. */
function exportsOf({ text }: Source): string[] {
  const declared = text.matchAll(
    /^export (?:default )?(?:async )?(?:abstract )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm,
  )
  const listed = text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)
  return [
    ...[...declared].map(([, name = '']) => name),
    ...[...listed].flatMap(([, names = '']) => namesIn(names).map(({ outside }) => outside)),
  ]
}

/** The names of a list such as `a, type b, c as d`: inside a module, and as others see them. */
function namesIn(list: string): { inside: string; outside: string }[] {
  return list
    .split(',')
    .map((part) => part.trim().replace(/^type /, ''))
    .filter((part) => part !== '')
    .map((part) => {
      const [inside = '', outside = inside] = part.split(' as ')
      return { inside, outside }
    })
}

/** What a file imports from other files of the project: `file name`, and `file *` where it may be anything. */
function importsOf({ file, text }: Source): string[] {
  const targetOf = (specifier: string) => join(dirname(file), specifier)
  const named = text.matchAll(
    /^(?:import|export) (?:type )?(?:\w+, )?\{([^}]*)\} from '(\.[^']+)'/gm,
  )
  const whole = text.matchAll(/^import \* as \w+ from '(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm)
  return [
    ...[...named].flatMap(([, names = '', specifier = '']) =>
      namesIn(names).map(({ inside }) => `${targetOf(specifier)} ${inside}`),
    ),
    ...[...whole].map(([, first, second]) => `${targetOf(first ?? second ?? '')} *`),
  ]
}

test('no export is unused', () => {
  const imported = new Set(sources.flatMap(importsOf))
  const exported = sources
    .filter(
      ({ file }) =>
        /^(src|events|projections)\/.*\.ts$/.test(file) && !file.startsWith('src/ledger/'),
    )
    .flatMap((source) => exportsOf(source).map((name) => `${source.file} ${name}`))
  expect(exported.length).toBeGreaterThan(500)
  const unused = exported.filter((name) => {
    const [file = ''] = name.split(' ')
    return !imported.has(name) && !imported.has(`${file} *`)
  })
  expect(unused).toEqual([])
})
