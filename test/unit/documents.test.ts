/** The documents name files that exist. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const root = join(import.meta.dir, '../..')

/** Files that a recipe tells the reader to make, and one inside the container. */
const examples = new Set([
  'src/pricing/rules/per-page.ts',
  'projections/NAME.ts',
  'accounts/count.ts',
  '/app/tollbook.yaml',
])

const files = ['.', 'deploy', 'docs', 'events', 'projections', 'src', 'test', 'bench'].flatMap(
  (folder) =>
    [...new Bun.Glob(folder === '.' ? '*' : '**/*').scanSync(join(root, folder))].map((file) =>
      folder === '.' ? file : `${folder}/${file}`,
    ),
)
const names = new Set(files.map((file) => basename(file)))
const documents = files.filter(
  (file) => /^(docs\/)?[^/]*\.md$/.test(file) && file !== 'CHANGELOG.md',
)

test.each(documents)('%s names files that exist', (document) => {
  const text = readFileSync(join(root, document), 'utf8')
  const named = [...text.matchAll(/`([\w./-]+\.(?:ts|sql|json|yaml|md))`/g)].map(
    ([, name]) => name as string,
  )
  const missing = named.filter(
    (name) =>
      !examples.has(name) &&
      !(name.includes('/')
        ? files.some((file) => file === name || file.endsWith(`/${name}`))
        : names.has(name)),
  )
  expect(missing).toEqual([])
})
