/**
 * One word for one thing: no name or sentence uses a word that docs/GLOSSARY.md has replaced. `words.json` lists them:
 *
 *   words        whole words, in text, identifiers and file names alike
 *   phrases      in text
 *   components   parts of identifiers and of file names (`place` in `placeOf`); in text they are plain English
 *   identifiers  exact former identifiers
 *   calls        former functions whose names are plain English otherwise
 *   scoped       exact former identifiers that mean something else elsewhere, by folder
 *   files        former file names
 *   kept         exceptions: problem codes, which customers' programs match on, and where they read that credits are sold
 */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import words from './words.json'

const root = join(import.meta.dir, '../..')

/** Frozen bodies of the replaced service, and prose that the demo search engine searches. */
const excluded = /^test\/(http\/)?fixtures\/|^test\/unit\/words\.|^src\/demo\/corpus\.ts$/

const files = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'],
  ...['src', 'events', 'projections', 'test', 'bench', 'docs'].flatMap((folder) =>
    [...new Bun.Glob('**/*.{ts,js,sql,md,yaml,json}').scanSync(join(root, folder))].map(
      (file) => `${folder}/${file}`,
    ),
  ),
].filter((file) => !excluded.test(file))

/** `camelCase`, `snake_case` and `kebab-case` as their parts, in lower case. */
function componentsOf(name: string): string[] {
  return name
    .split(/[_\-./]|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((part) => part.toLowerCase())
}

/** What stands in a line for a name: not `.every(…)`, which is the language's own. */
const name = /(?<![\w$.'’])[A-Za-z_$][\w$]*/g

const wholeWord = new RegExp(`\\b(${words.words.join('|')})\\b`, 'i')
const phrase = new RegExp(`\\b(${words.phrases.join('|').replaceAll(' ', '\\s+')})\\b`, 'i')
const components = new Set([...words.words, ...words.components])
const identifiers = new Set(words.identifiers)
const calls = new Set(words.calls)
/** Problem codes that customers' programs match on. */
const kept = new Set(words.kept)
const scoped: [string, Set<string>][] = Object.entries(words.scoped).map(([folder, names]) => [
  folder,
  new Set(names),
])

function faultsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const sentences = text.split('\n').flatMap((line, index) => {
    const at = wholeWord.exec(line) ?? phrase.exec(line)
    return at ? [`${file}:${index + 1}: ${at[0]}`] : []
  })
  return /\.(ts|js|sql)$/.test(file) ? [...sentences, ...wrongNames(file, text)] : sentences
}

function wrongNames(file: string, text: string): string[] {
  const local = new Set(
    scoped.flatMap(([folder, names]) => (file.startsWith(`${folder}/`) ? [...names] : [])),
  )
  const code = file.endsWith('.sql') ? withoutSqlComments(text) : withoutTexts(text)
  return code
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(name)]
        .filter(
          ({ 0: identifier, index: at }) =>
            !kept.has(identifier) &&
            ((calls.has(identifier) && line[at + identifier.length] === '(') ||
              identifiers.has(identifier) ||
              local.has(identifier) ||
              componentsOf(identifier).some((part) => components.has(part))),
        )
        .map(([identifier]) => `${file}:${index + 1}: ${identifier}`),
    )
}

/**
 * TypeScript without its comments and the contents of its texts, whose words are plain English, line by line as before.
 * What stands in `${…}` of a template is code. A quote in a regular expression hides what follows it on its line.
 */
function withoutTexts(text: string): string {
  let code = ''
  /** Which templates are open, and how many braces within each `${`. */
  const templates: number[] = []
  let at = 0
  const skipTo = (end: number) => {
    code += text.slice(at, end).replace(/[^\n]/g, ' ')
    at = end
  }
  const skipTemplate = () => {
    const end = /(?:[^\\`$]|\\[\s\S]|\$(?!\{))*/y
    end.lastIndex = at
    end.exec(text)
    skipTo(end.lastIndex)
    if (text.startsWith('${', at)) {
      templates.push(0)
      skipTo(at + 2)
    } else skipTo(at + 1)
  }
  while (at < text.length) {
    const rest = text.slice(at, at + 2)
    const [character] = rest
    if (rest === '//') skipTo(endOf(/\n|$/g, text, at))
    else if (rest === '/*') skipTo(endOf(/\*\//g, text, at) + 2)
    else if (character === "'" || character === '"') {
      const end = new RegExp(`(?:[^\\\\\n${character}]|\\\\.)*`, 'y')
      end.lastIndex = at + 1
      end.exec(text)
      skipTo(end.lastIndex + 1)
    } else if (character === '`') {
      skipTo(at + 1)
      skipTemplate()
    } else if (character === '}' && templates.at(-1) === 0) {
      templates.pop()
      skipTo(at + 1)
      skipTemplate()
    } else {
      const depth = templates.length - 1
      if (depth >= 0 && character === '{') templates[depth] = (templates[depth] ?? 0) + 1
      if (depth >= 0 && character === '}') templates[depth] = (templates[depth] ?? 0) - 1
      code += character
      at++
    }
  }
  return code
}

function endOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}

function withoutSqlComments(text: string): string {
  return text.replace(/--.*$/gm, '').replace(/'[^'\n]*'/g, "''")
}

test('no name or sentence uses a word that the glossary has replaced', () => {
  expect(files.length).toBeGreaterThan(300)
  expect(files.flatMap(faultsOf)).toEqual([])
})

test('no file has a former name', () => {
  const former = new Set(words.files)
  const wrong = files.filter(
    (file) =>
      former.has(basename(file)) ||
      componentsOf(basename(file)).some(
        (part) => words.components.includes(part) || words.words.includes(part),
      ),
  )
  expect(wrong).toEqual([])
})

test('a former name is found wherever it stands', () => {
  expect(wholeWord.test('the book says')).toBe(true)
  expect(wholeWord.test('./tollbook up, docs/RUNBOOK.md')).toBe(false)
  expect(componentsOf('placeOf')).toEqual(['place', 'of'])
  const code = ['const a = `one $', "{place('two')} three` // four\n/* five */ b('six')"].join('')
  expect(withoutTexts(code).match(name)).toEqual(['const', 'a', 'place', 'b'])
})
