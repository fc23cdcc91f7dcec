/** Whether what a service says of its upstream makes sense: addresses, credentials, and which headers cross. */
import type { Fault } from '../../lib/fault.ts'
import type { ConfigFile } from '../file/file-schema.ts'
import type { Route } from '../file/route.ts'
import type { OwnField, Upstream } from '../file/service.ts'
import {
  isNeverFromClients,
  isOfHttp,
  isSetByTheGateway,
  plainHeaderName,
} from '../header-names.ts'
import { identityHeaders } from '../identity-headers.ts'

/** Faults of one service, and of the key headers, which no service may set. */
export function serviceFaults(service: Upstream): Fault[] {
  return [
    ...addressFaults(service),
    ...ownFieldFaults('headers', service),
    ...ownFieldFaults('query', service),
    ...headerFaults(service),
    ...requestHeaderFaults(service),
  ]
}

function addressFaults({ url, targets }: Upstream): Fault[] {
  if (url === undefined || targets === undefined) return []
  return [
    { path: ['targets'], message: 'there is a `url`, which would be the only one: leave one' },
  ]
}

/** A secret for one system must not go to another because nobody thought of it. */
function ownFieldFaults(part: 'headers' | 'query', service: Upstream): Fault[] {
  const fields = Object.entries<OwnField>(service[part] ?? {})
  const faults = fields.flatMap(([name, field]): Fault[] => {
    if (!('env' in field)) return []
    const hasTest = field.testEnv !== undefined
    if (hasTest === (service.testUrl !== undefined)) return []
    const message = hasTest
      ? 'has no effect without a `testUrl`'
      : 'missing: the variable with the secret for `testUrl`, which may be the same'
    return [{ path: [part, name, 'testEnv'], message }]
  })
  return [...faults, ...sameNameFaults(part, Object.keys(service[part] ?? {}))]
}

/** Servers that hand names on as variables could not tell them apart. */
function sameNameFaults(part: string, names: readonly string[]): Fault[] {
  const known = new Map<string, string>()
  return names.flatMap((name): Fault[] => {
    const first = known.get(plainHeaderName(name))
    known.set(plainHeaderName(name), first ?? name)
    return first === undefined
      ? []
      : [{ path: [part, name], message: `some servers cannot tell it from ${first}` }]
  })
}

function headerFaults({ headers = {}, identity }: Upstream): Fault[] {
  const own = new Set(Object.keys(headers).map(plainHeaderName))
  const said = identityHeaders(identity)
  return [
    ...Object.keys(headers).flatMap((name) => reservedFaults(['headers', name], name)),
    ...said.flatMap(([name, field]): Fault[] => {
      const path = typeof identity === 'object' ? ['identity', field] : ['identity']
      if (own.has(plainHeaderName(name))) {
        return [{ path, message: `${name} is one of \`headers\` already` }]
      }
      const reserved = reservedFaults(path, name)
      if (reserved.length > 0 || !isOfHttp(plainHeaderName(name))) return reserved
      return [{ path, message: `${name} has a meaning of its own: name another header` }]
    }),
    ...sameNameFaults(
      'identity',
      said.map(([name]) => name),
    ),
  ]
}

function reservedFaults(path: string[], name: string): Fault[] {
  return isSetByTheGateway(plainHeaderName(name))
    ? [{ path, message: `${name} is set by the gateway itself` }]
    : []
}

function requestHeaderFaults({ requestHeaders = [], headers = {}, identity }: Upstream): Fault[] {
  const own = [...Object.keys(headers), ...identityHeaders(identity).map(([name]) => name)]
  const set = new Set(own.map(plainHeaderName))
  return requestHeaders.flatMap((name, index): Fault[] => {
    const path = ['requestHeaders', index]
    const plain = plainHeaderName(name)
    if (set.has(plain)) return [{ path, message: `${name} is set by the gateway itself` }]
    return isNeverFromClients(plain)
      ? [{ path, message: `${name} never crosses from a client` }]
      : []
  })
}

/** A parameter that the gateway adds is not the client's to send, so a route cannot take it. */
export function ownParameterFaults({ service, query }: Route, file: ConfigFile): Fault[] {
  if (typeof query !== 'object') return []
  const own = Object.keys(file.services[service ?? '']?.query ?? {}).map(plainHeaderName)
  return Object.keys(query).flatMap((name): Fault[] =>
    own.includes(plainHeaderName(name))
      ? [{ path: ['query', name], message: `${name} is added by services.${service}.query` }]
      : [],
  )
}

/** Headers in which clients may show their key, which therefore reach no upstream. */
export function keyHeaderFaults({ keyHeaders = [] }: ConfigFile): Fault[] {
  return keyHeaders.flatMap((name, index): Fault[] => {
    const plain = plainHeaderName(name)
    const isKnown = plain === 'authorization' || plain === 'x-api-key'
    if (!isKnown && !isSetByTheGateway(plain) && plain !== 'cookie') return []
    const message = isKnown ? `${name} is read anyway` : `${name} cannot carry a key`
    return [{ path: ['keyHeaders', index], message }]
  })
}
