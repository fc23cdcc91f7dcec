/** Each operation of the API documentation has a name of its own, from which clients are generated. */
import { describe, expect, test } from 'bun:test'
import type { ConfigError } from '../../src/config/config-error.ts'
import { nameOperations, ownOperationIds } from '../../src/config/operation-ids.ts'
import type { Method } from '../../src/lib/http-methods.ts'
import { parse, smallConfig, withChange } from '../support/small-config.ts'

function namesOf(...routes: { id: string; methods: Method[]; operationId?: string }[]): string[] {
  return [...nameOperations(routes).values()]
}

describe('a route that does not name its operation', () => {
  test.each<[string, Method, string]>([
    ['search', 'POST', 'search'],
    ['extract-bulk', 'POST', 'extractBulk'],
    ['search-engines', 'GET', 'searchEngines'],
    ['voices', 'GET', 'getVoices'],
    ['read-document', 'GET', 'readDocument'],
    ['document', 'DELETE', 'deleteDocument'],
    ['Jobs_of-a__day', 'GET', 'getJobsOfADay'],
  ])('%s with %s has the operation %s', (id, method, name) => {
    expect(namesOf({ id, methods: [method] })).toEqual([name])
  })

  test('has one for each of its methods', () => {
    expect(namesOf({ id: 'document', methods: ['GET', 'PUT', 'POST'] })).toEqual([
      ...['getDocument', 'putDocument', 'postDocument'],
    ])
  })

  test('gets a number where the name is taken, however it is written', () => {
    const names = namesOf(
      { id: 'say-it', methods: ['POST'] },
      { id: 'sayIt', methods: ['POST'] },
      { id: 'sayit', methods: ['POST'] },
      { id: 'account', methods: ['GET'] },
      { id: 'other', methods: ['POST'], operationId: 'sayIt' },
    )
    expect(names.toSorted()).toEqual(['getAccount2', 'sayIt', 'sayIt2', 'sayIt3', 'sayit4'])
  })
})

describe('a route that names its operation', () => {
  const named = (name: string) =>
    withChange('    summary:', `    operationId: ${name}\n    summary:`)
  const faultOf = (text: string): string => {
    try {
      parse(text)
      return ''
    } catch (error) {
      return (error as ConfigError).problems.map(({ message }) => message).join()
    }
  }

  test('is called so', () => {
    const { routes } = parse(named('speakUp'))
    expect(namesOf(...(Object.values(routes) as never[]))).toEqual(['speakUp'])
  })

  test.each([...ownOperationIds])(
    'cannot call it %s, as the gateway calls one of its own',
    (name) => {
      const message = `${name.toUpperCase()} is the name of an operation of the gateway itself`
      expect(faultOf(named(name.toUpperCase()))).toBe(message)
    },
  )

  test('cannot call it as another route does', () => {
    const say = named('speak').slice(smallConfig.indexOf('  say:'))
    const other = say.replace('say:', 'shout:').replace('/v1/say', '/v1/shout')
    expect(faultOf(named('speak') + other)).toBe('speak is the name of routes.say')
  })

  test.each(['two words', 'a.b', '1st', "''"])('cannot call it %s', (name) => {
    expect(faultOf(named(name))).toContain('letters and digits, such as listVoices')
  })
})
