/** What the configuration may say of the seller: what reaches pages, terminals and links is safe there. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { parse, smallConfig } from '../support/small-config.ts'

function problemsOf(seller: object): string[] {
  try {
    parse(`${smallConfig}seller: ${JSON.stringify(seller)}\n`)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(printProblem)
    throw error
  }
}

const name = 'Acme'

test.each([
  { name },
  { name, address: [] },
  { name: '株式会社 <b>', address: ['1 Main St', 'Springfield'], colour: '#00aaFF', links: {} },
  { name, links: { buyMore: 'https://example.com/buy?x=1&y=%20#top' } },
  { name, links: { support: 'http://localhost:3000/help', buyMore: 'http://127.0.0.1/' } },
  { name, links: { support: 'http://[::1]:8080' } },
])('a seller can be %j', (seller) => {
  expect(problemsOf(seller)).toEqual([])
})

describe('a seller cannot have', () => {
  test.each([
    'http://example.com/',
    'http://localhost.evil.example/',
    'http://127.0.0.1.evil.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    '//example.com',
    '/buy',
    'https://user:secret@example.com/',
    'https://example.com/" onclick="x',
    'https://example.com/a b',
    'https://example.com\\@evil.example',
    'https://',
    `https://example.com/${'x'.repeat(2_000)}`,
    '',
  ])('the link %s', (link) => {
    for (const which of ['buyMore', 'support']) {
      const problems = problemsOf({ name, links: { [which]: link } })
      expect(problems).toHaveLength(1)
      expect(problems[0]).toContain(`seller.links.${which}: expected a URL such as https://`)
    }
  })

  test.each(['red', '#fff', '#0b5fff;x', 'var(--x)', '#0b5ffg', ''])('the colour %s', (colour) => {
    expect(problemsOf({ name, colour })[0]).toContain(
      "seller.colour: expected a colour such as '#0b5fff'",
    )
  })

  test.each([
    [{}, 'seller.name: missing'],
    [{ name: '' }, 'seller.name: expected'],
    [{ name: '  ' }, 'seller.name: it is blank'],
    [{ name: 'x'.repeat(201) }, 'seller.name: expected'],
    [{ name: 'a\u202eb' }, 'seller.name: has the control or format character U+202E'],
    [{ name, address: ['a\nb'] }, 'seller.address[0]: has the control or format character U+000A'],
    [{ name, address: Array(9).fill('x') }, 'seller.address: expected'],
    [{ name, logo: 'logo.gif' }, 'seller.logo: expected a PNG or SVG file such as logo.svg'],
    [{ name, logo: 'https://example.com/logo.png' }, 'seller.logo: cannot be read: ENOENT'],
    [{ name, links: { shop: 'https://example.com' } }, 'seller.links.shop: unknown field'],
  ])('%j: %s', (seller, problem) => {
    expect(problemsOf(seller)[0]).toContain(problem)
  })
})

describe('a logo', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tollbook-logo-'))
    mkdirSync(join(folder, 'folder.svg'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3])
  const svg = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'

  /** Of a configuration in the folder, which names the logo. */
  function loaded(logo: string) {
    const file = join(folder, 'tollbook.yaml')
    writeFileSync(file, `${smallConfig}seller: ${JSON.stringify({ name, logo })}\n`)
    return loadConfig({ file, env: {} })
  }

  test('is read from beside the configuration, and has another name when it is another one', () => {
    writeFileSync(join(folder, 'one.png'), png)
    writeFileSync(join(folder, 'two.svg'), svg)
    const { seller: one } = loaded('one.png')
    expect(one).toMatchObject({ name, logo: { mediaType: 'image/png' } })
    expect(Buffer.from(one?.logo?.bytes ?? [])).toEqual(png)
    const { seller: two } = loaded('two.svg')
    expect(two?.logo?.mediaType).toBe('image/svg+xml')
    writeFileSync(join(folder, 'two.svg'), `${svg}\n`)
    const names = [one, two, loaded('two.svg').seller].map((seller) => seller?.logo?.fileName)
    expect(new Set(names).size).toBe(3)
    for (const each of names) expect(each).toMatch(/^logo-[0-9a-f]{16}\.(png|svg)$/)
  })

  test.each([
    ['is not there', 'none.svg', undefined, 'cannot be read: ENOENT'],
    ['is a folder', 'folder.svg', undefined, 'it is no file'],
    ['is too large', 'large.png', Buffer.concat([png, Buffer.alloc(100_000)]), '100011 bytes'],
    ['only says that it is a PNG', 'text.png', svg, 'it is no PNG file'],
    ['only says that it is an SVG', 'binary.svg', png, 'it is no SVG file'],
    ['is a text of its own', 'text.svg', 'secret=<svg>', 'it is no SVG file'],
  ])('that %s is named with its line', (_, file, content, problem) => {
    if (content !== undefined) writeFileSync(join(folder, file), content)
    expect(() => loaded(file)).toThrow(problem)
    expect(() => loaded(file)).toThrow('seller.logo')
  })
})
