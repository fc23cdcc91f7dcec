/**
 * The names of operations in the API documentation, by which generators of clients call their functions: `listVoices`.
 * Each is unique, however it is written, and none is one of the gateway's own.
 */
import type { Fault } from '../lib/fault.ts'
import { type Method, methodsOf } from '../lib/http-methods.ts'
import type { Route } from './file/route.ts'

/** The gateway's own operations; a test compares them with those that it documents. */
export const ownOperationIds = [
  ...['checkHealth', 'checkReadiness'],
  ...[
    'getCurrentKey',
    'revokeCurrentKey',
    'listPrices',
    'listCharges',
    'getCharge',
    'refundUndelivered',
  ],
  ...['createApiKey', 'listApiKeys', 'getApiKey', 'updateApiKey', 'revokeApiKey', 'rotateApiKey'],
  ...['getApiKeyUsage', 'getApiKeyUsageSummary', 'listApiKeyEvents'],
  ...['getAccount', 'updateOwnAccount', 'getBalance', 'getStatement'],
  ...[
    'getUsage',
    'getBalanceHistory',
    'listStatements',
    'listAccountCharges',
    'getCall',
    'getPrices',
  ],
  ...['createSession', 'getSession', 'revokeSession'],
  ...['listAllApiKeys', 'getAnyApiKey', 'updateAnyApiKey', 'revokeAnyApiKey'],
  ...[
    'listAccounts',
    'getAnyAccount',
    'updateAccount',
    'grantCredits',
    'adjustCredits',
    'grantPack',
    'listNotes',
    'createNote',
    'refundCharge',
  ],
  ...['getUsageSummary', 'listTopUsers', 'listEvents'],
  ...['getAccountUsage', 'getAccountBalanceHistory', 'listAccountStatements', 'listAnyCharges'],
  ...[
    'getHourlyUsage',
    'listRefusals',
    'getAnyCall',
    'getLedgerHealth',
    'revokeSessions',
    'getAccountStatement',
    'getPricesAndChanges',
    'getPriceChanges',
    'checkPrices',
    'publishPrices',
    'simulatePrices',
  ],
  ...['listOperatorKeys', 'createOperatorKey', 'rotateOperatorKey', 'revokeOperatorKey'],
] as const

export type OwnOperationId = (typeof ownOperationIds)[number]

export const operationIdPattern = '^[A-Za-z][A-Za-z0-9]{0,99}$'

/**
 * Keeps the names of a document that is imported: what a route has to give as its `operationId`, or undefined where that is
 * not needed, not possible, or another route's.
 */
export function keptOperationIds(): (route: NamedRoute, wish: unknown) => string | undefined {
  const taken = new Set<string>(ownOperationIds.map(lower))
  return (route, wish) => {
    if (typeof wish !== 'string' || !new RegExp(operationIdPattern).test(wish)) return undefined
    if (taken.has(lower(wish))) return undefined
    taken.add(lower(wish))
    return route.methods.every((method) => wishedName(route, method) === wish) ? undefined : wish
  }
}

interface NamedRoute {
  readonly id: string
  readonly methods: readonly Method[]
  readonly operationId?: string | undefined
}

/** By `operationKey`. A name that is made, not given, gets a number where it is taken. */
export function nameOperations(routes: readonly NamedRoute[]): ReadonlyMap<string, string> {
  const taken = new Set<string>(ownOperationIds.map(lower))
  const names = new Map<string, string>()
  const operations = routes.flatMap((route) => route.methods.map((method) => ({ route, method })))
  const given = operations.filter(({ route }) => route.operationId !== undefined)
  const made = operations.filter(({ route }) => route.operationId === undefined)
  for (const { route, method } of [...given, ...made]) {
    const wish = wishedName(route, method)
    let name = wish
    for (let count = 2; taken.has(lower(name)); count++) name = `${wish}${count}`
    taken.add(lower(name))
    names.set(operationKey(route, method), name)
  }
  return names
}

export function operationKey({ id }: { readonly id: string }, method: Method): string {
  return `${id} ${method}`
}

/** The names that routes give themselves, and that something else has already. */
export function operationIdFaults(routes: readonly (readonly [string, Route])[]): Fault[] {
  const owners = new Map<string, string>(
    ownOperationIds.map((name) => [lower(name), 'an operation of the gateway itself']),
  )
  return routes.flatMap(([id, route]): Fault[] => {
    if (route.operationId === undefined) return []
    const named = { id, methods: methodsOf(route), operationId: route.operationId }
    const faults = named.methods.flatMap((method): Fault[] => {
      const name = wishedName(named, method)
      const owner = owners.get(lower(name))
      owners.set(lower(name), owner ?? `routes.${id}`)
      return owner === undefined
        ? []
        : [{ path: ['routes', id, 'operationId'], message: `${name} is the name of ${owner}` }]
    })
    return faults.slice(0, 1)
  })
}

/** `voices` with GET is `getVoices`, and `read-document` is `readDocument`. */
function wishedName({ id, methods, operationId }: NamedRoute, method: Method): string {
  const name = operationId ?? camelCase(id)
  const verb = method.toLowerCase()
  // Several operations of one route differ by their methods alone.
  if (methods.length > 1) return verb + capitalized(name)
  if (operationId !== undefined || method === 'POST' || beginsWithVerb(id)) return name
  return verb + capitalized(name)
}

function camelCase(id: string): string {
  const [first = '', ...rest] = id.split(/[-_]+/).filter((word) => word !== '')
  return first.charAt(0).toLowerCase() + first.slice(1) + rest.map(capitalized).join('')
}

const verbs = new Set(
  (
    'add archive cancel change check copy count create delete download export fetch find get ' +
    'import list lookup move patch put query read remove rename replace retrieve search send set ' +
    'show start stop store submit update upload write'
  ).split(' '),
)

function beginsWithVerb(id: string): boolean {
  return verbs.has((/^[a-z]+/.exec(id) ?? [''])[0])
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function lower(name: string): string {
  return name.toLowerCase()
}
