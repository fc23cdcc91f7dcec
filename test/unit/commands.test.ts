/** The list of commands in main.ts, their files and the table in docs/CLI.md agree. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dir, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const files = [...new Bun.Glob('**/*.ts').scanSync(join(root, 'src/cli/commands'))]

test('every file of a command is in the list', () => {
  const listed = [...read('src/cli/main.ts').matchAll(/import\('\.\/commands\/([^']+)'\)/g)]
  expect(listed.map(([, file]) => file).toSorted()).toEqual(files.toSorted())
})

test.each(files)('%s is in the table of docs/CLI.md', (file) => {
  const rows = read('docs/CLI.md')
    .split('\n')
    .filter((line) => line.startsWith('|'))
  const words = file.replace('.ts', '').split('/')
  expect(rows.some((row) => words.every((word) => row.includes(`\`${word}\``)))).toBe(true)
})

test.each(files)('%s says what it does, in a first sentence for lists', async (file) => {
  const { default: command } = await import(join(root, 'src/cli/commands', file))
  expect(command.description()).toMatch(/^[A-Z][^.]*\./)
})

test('no command prints past output.ts, which shows stored texts as what they are', () => {
  const all = [...new Bun.Glob('**/*.ts').scanSync(join(root, 'src/cli'))]
  const past = all.filter((file) => read(`src/cli/${file}`).includes('console.log('))
  expect(past).toEqual(['output.ts'])
})
