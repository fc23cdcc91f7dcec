/** docs/SECURITY.md says what a stolen credential can do in the rows that test/integration/roles.test.ts tries. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deedRows } from '../support/stolen-credentials.ts'

test('the table of stolen credentials is the one that is tried', () => {
  const text = readFileSync(join(import.meta.dir, '../../docs/SECURITY.md'), 'utf8')
  const [, section = ''] = text.split('\n## A stolen credential\n')
  const rows = section.split('\n## ')[0]?.split('\n') ?? []
  const table = rows.filter((line) => line.startsWith('| ') && !line.startsWith('| whoever'))
  expect(table).toEqual(deedRows())
})
