/**
 * A plan that needs what a statement turned off is estimated as so costly, before version 18, that PostgreSQL compiles it: for ten
 * times as long as it then runs. So whoever turns off a way of planning turns off the compiler too.
 */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Glob } from 'bun'

const project = join(import.meta.dir, '../..')
const files = [...new Glob('{src,events,projections}/**/*.{ts,sql}').scanSync(project)]
  .filter((file) => /set (local )?enable_\w+ = off/.test(readFileSync(join(project, file), 'utf8')))
  .sort()

test('several statements turn off a way of planning', () => {
  expect(files).toContain('src/ledger/sql/append/append_v1.sql')
  expect(files.length).toBeGreaterThan(3)
})

test.each(files)('what %s plans is not compiled', (file) => {
  expect(readFileSync(join(project, file), 'utf8')).toMatch(/set (local )?jit = off/)
})
