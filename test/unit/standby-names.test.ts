import { expect, test } from 'bun:test'
import { parseStandbyNames } from '../../src/cli/doctor/standby-names.ts'

test.each([
  ['', 'first', 1, []],
  ['a', 'first', 1, ['a']],
  ['a, B ,c', 'first', 1, ['a', 'b', 'c']],
  ['2 (a, b, c)', 'first', 2, ['a', 'b', 'c']],
  ['FIRST 1 (a,b)', 'first', 1, ['a', 'b']],
  ['any 1 ("node-1", "No""de, 2")', 'any', 1, ['node-1', 'no"de, 2']],
  ['*', 'first', 1, ['*']],
  ['ANY 2 (*)', 'any', 2, ['*']],
  ['first', 'first', 1, ['first']],
  [' ANY 1(a)\n', 'any', 1, ['a']],
] as const)('%p is read as PostgreSQL reads it', (text, method, count, names) => {
  expect(parseStandbyNames(text)).toEqual({ method, count, names: [...names] })
})
