/** Texts that drive a terminal or a spreadsheet, or look like others, are found, and shown as what they are. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { csvLine } from '../../src/lib/csv-line.ts'
import { printable, printableFault, printableLines } from '../../src/lib/printable-text.ts'

const hostile: readonly [text: string, shown: string][] = [
  ['\u001b]52;c;cm0gLXJm\u0007', '\\u001b]52;c;cm0gLXJm\\u0007'],
  ['a\nb', 'a\\u000ab'],
  ['a\rb', 'a\\u000db'],
  ['\u0000', '\\u0000'],
  ['\u007f', '\\u007f'],
  ['\u009b31m', '\\u009b31m'],
  ['\u202ecod.exe', '\\u202ecod.exe'],
  ['\u2066x\u2069', '\\u2066x\\u2069'],
  ['a\u200bb', 'a\\u200bb'],
  ['\ufeffx', '\\ufeffx'],
  ['a\u2028b', 'a\\u2028b'],
  ['\u{e0041}', '\\udb40\\udc41'],
  ['\ud800', '\\ud800'],
]

test.each(hostile)('%j is found, and shown as %j', (text, shown) => {
  expect(printableFault(text)).toMatch(/^has the control or format character U\+[0-9A-F]{4,6}$/)
  expect(printable(text)).toBe(shown)
  expect(printableFault(printable(text))).toBeUndefined()
})

test.each(['', 'Anna’s laptop', '東京 🦄', 'naïve', 'café', '\u00a0'])('%j is a text', (text) => {
  expect(printableFault(text)).toBeUndefined()
  expect(printable(text)).toBe(text)
})

test('what is printed has line ends and our own colours, and no other control character', () => {
  expect(printableLines('\u001b[1ma\u001b[22m\nb\r\n')).toBe('\u001b[1ma\u001b[22m\nb\r\n')
  expect(printableLines('\u001b[8m\u001b[2J\rx')).toBe('\\u001b[8m\\u001b[2J\\u000dx')
})

test('printed JSON stays the same document', () => {
  fc.assert(
    fc.property(fc.json(), fc.string({ unit: 'binary' }), (json, text) => {
      const document = JSON.stringify([JSON.parse(json), text])
      expect(JSON.parse(printableLines(document))).toEqual(JSON.parse(document))
    }),
  )
})

describe('a cell of CSV', () => {
  test.each<[string | number, string]>([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1+1', "'-1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    [' =1', "' =1"],
    ['=HYPERLINK("x","y")', `"'=HYPERLINK(""x"",""y"")"`],
    ['\t=1', '\\u0009=1'],
    ['-123.5', '-123.5'],
    [-5, '-5'],
    ['a=b', 'a=b'],
    ['x;=1+1', '"x;=1+1"'],
    ['＝1+1', "'＝1+1"],
    ['a\r\nb', 'a\\u000d\\u000ab'],
  ])('%j is written %j, which no spreadsheet runs', (value, written) => {
    expect(csvLine([value])).toBe(`${written}\r\n`)
  })
})
