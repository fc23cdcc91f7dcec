/** The servers of a document as services, and the credentials that it asks for as hints. */
import { isMapping } from '../../lib/is-mapping.ts'
import { isUpstreamUrl } from '../../lib/schema-fields.ts'
import {
  listOf,
  type Mapping,
  mappingAt,
  type OpenApiDocument,
  oneLine,
} from './openapi-document.ts'

export interface ImportedService {
  readonly name: string
  readonly urlEnv: string
  /** Absent where the document names no host. */
  readonly url?: string
  /** What stands before each path on the upstream's side, where the address is not known. */
  readonly basePath: string
}

export interface Services {
  /** The service of an operation: each server has one. */
  of(item: Mapping, operation: Mapping): ImportedService
  readonly all: readonly ImportedService[]
}

export function servicesOf({ root }: OpenApiDocument, name: string): Services {
  const byServer = new Map<string, ImportedService>()
  const common = serverOf(root.servers)

  function serviceAt(server: string): ImportedService {
    const known = byServer.get(server)
    if (known !== undefined) return known
    const own = byServer.size === 0 ? name : `${name}-${byServer.size + 1}`
    const hasHost = isUpstreamUrl(server)
    const service = {
      name: own,
      urlEnv: `${own.toUpperCase().replaceAll('-', '_')}_URL`,
      ...(hasHost && { url: server }),
      basePath: hasHost ? '' : pathOf(server),
    }
    byServer.set(server, service)
    return service
  }

  return {
    of: (item, operation) =>
      serviceAt(serverOf(operation.servers) || serverOf(item.servers) || common),
    get all() {
      return [...byServer.values()]
    },
  }
}

/** The address of the first server, without a slash at the end; empty where there is none. */
function serverOf(servers: unknown): string {
  const [first] = listOf(servers)
  if (!isMapping(first) || typeof first.url !== 'string') return ''
  const { variables } = first
  const filled = first.url.replace(/\{([^{}]*)\}/g, (whole, variable: string) => {
    const given = isMapping(variables) ? variables[variable] : undefined
    return isMapping(given) && given.default !== undefined ? String(given.default) : whole
  })
  return filled.replace(/\/+$/, '')
}

/** The path of an address that is none: of `//host/v1`, or of `/v1`. */
function pathOf(server: string): string {
  return server.replace(/^(?:[a-z]+:)?\/\/[^/]*/i, '').replace(/^(?=[^/])/, '/')
}

/** What would have to stand at the service, one line of YAML for each scheme. */
export function credentialHints(
  { root, ...rest }: OpenApiDocument,
  service: ImportedService,
): string[] {
  const document = { root, ...rest }
  const components = mappingAt(document, root.components)
  const schemes = Object.values(mappingAt(document, components?.securitySchemes) ?? {})
  const base = service.urlEnv.replace(/_URL$/, '')
  const hints = schemes.flatMap((given): string[] => {
    const scheme = mappingAt(document, given)
    if (scheme === undefined) return []
    const { type, in: location } = scheme
    const name = /^[A-Za-z0-9._-]{1,63}$/.test(String(scheme.name))
      ? String(scheme.name)
      : undefined
    if (
      type === 'apiKey' &&
      name !== undefined &&
      (location === 'header' || location === 'query')
    ) {
      return [`${location === 'header' ? 'headers' : 'query'}: { ${name}: { env: ${base}_KEY } }`]
    }
    if (type === 'apiKey' && name !== undefined) {
      return [`headers: { Cookie: { env: ${base}_COOKIE, prefix: '${name}=' } }`]
    }
    const kind =
      type === 'http' && oneLine(scheme.scheme).toLowerCase() === 'basic' ? 'Basic' : 'Bearer'
    return type === 'http' || type === 'oauth2' || type === 'openIdConnect'
      ? [`headers: { Authorization: { env: ${base}_TOKEN, prefix: '${kind} ' } }`]
      : []
  })
  return [...new Set(hints)]
}
