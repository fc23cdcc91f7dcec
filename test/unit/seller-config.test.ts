/** What the configuration may say of the seller: what reaches pages, terminals and links is safe there. */
import { describe, expect, test } from 'bun:test'
import { ConfigError, printProblem } from '../../src/config/config-error.ts'
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
    [{ name, logo: 'https://example.com/logo.png' }, 'seller.logo: unknown field'],
    [{ name, links: { shop: 'https://example.com' } }, 'seller.links.shop: unknown field'],
  ])('%j: %s', (seller, problem) => {
    expect(problemsOf(seller)[0]).toContain(problem)
  })
})
