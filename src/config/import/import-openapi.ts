/**
 * An OpenAPI document as a configuration: a route for each operation, the schemas that routes share, the services, and a
 * plan to begin with. The checks of any configuration decide whether a route can stand; an operation whose route cannot
 * is left out, with the reason that they give. Nothing but the text itself is read: no reference to another document is
 * followed.
 */
import { PriceRule } from '../../pricing/price-rule.ts'
import { type Path, printPath, printProblem } from '../config-error.ts'
import type { ConfigFile } from '../file/file-schema.ts'
import type { Route } from '../file/route.ts'
import { configFaults } from '../load-config.ts'
import { keptOperationIds } from '../operation-ids.ts'
import { schemaFaults } from '../schema-faults.ts'
import { onlyRedirects } from './bodies.ts'
import { uniqueNames } from './names.ts'
import { type LeftOut, type Note, type Notes, openNotes } from './notes.ts'
import {
  entriesOf,
  ImportError,
  type Mapping,
  mappingAt,
  oneLine,
  readOpenApi,
} from './openapi-document.ts'
import { type Operation, operationsOf, type RouteRoom, routeOf } from './routes.ts'
import { type Schemas, schemaImporter } from './schemas.ts'
import { credentialHints, type Services, servicesOf } from './services.ts'
import { usedSchemas } from './used-schemas.ts'
import { writeConfig } from './write-config.ts'

interface ImportOptions {
  /** The document, JSON or YAML. */
  readonly text: string
  /** Its name, for the comment at the head. */
  readonly source: string
  /** The name of the service that is called. */
  readonly service: string
  /** The price of every route. */
  readonly price: unknown
  /** What stands before every public path, such as `/v1`. */
  readonly prefix?: string | undefined
  readonly progress?: (what: string, total: number, done: number) => void
}

export interface ImportReport {
  readonly source: string
  readonly title: string
  readonly openapi: string
  /** How many operations the document has. */
  readonly operations: number
  readonly routes: number
  readonly schemas: number
  /** The operations without a route. */
  readonly leftOut: readonly LeftOut[]
  readonly notes: readonly Note[]
  /** What the services seem to need, as lines of YAML. */
  readonly credentials: readonly string[]
}

/** @throws ImportError when there is nothing to import, saying why */
export function importOpenApi(options: ImportOptions): {
  readonly yaml: string
  readonly report: ImportReport
} {
  try {
    return importDocument(options)
  } catch (error) {
    // A document can refer to itself, or be deeper than any stack.
    if (error instanceof RangeError) throw new ImportError('it is nested too deeply.')
    throw error
  }
}

function importDocument(options: ImportOptions) {
  const { source, service, price } = options
  const faults = schemaFaults(PriceRule, price, ['price'])
  if (faults[0]) throw new ImportError(`the price cannot be used: ${printFault(faults[0])}.`)
  const document = readOpenApi(options.text)
  const notes = openNotes()
  const services = servicesOf(document, service)
  const schemas = schemaImporter(document, notes)
  const { routes, operations } = collectRoutes(options, { document, notes, schemas }, services)
  leaveOutFaulty(routes, services, schemas, notes)
  if (webhooksOf(document.root) > 0) {
    notes.begin('webhooks')
    notes.add('webhooks go from the upstream to the client, past the gateway')
  }
  const file = fileOf(routes, services, schemas)
  const report: ImportReport = {
    source: oneLine(source),
    title: oneLine(mappingAt(document, document.root.info)?.title ?? ''),
    openapi: document.version,
    operations,
    routes: routes.size,
    schemas: Object.keys(file.schemas ?? {}).length,
    leftOut: notes.leftOut,
    notes: notes.list(),
    credentials: services.all.flatMap((each) =>
      credentialHints(document, each).map((line) => `services.${each.name}.${line}`),
    ),
  }
  return { yaml: writeConfig(file, report), report }
}

/** By id. */
type Routes = Map<string, { readonly operation: string; readonly route: Route }>

function collectRoutes(
  { price, prefix = '', progress }: ImportOptions,
  parts: Pick<RouteRoom, 'document' | 'notes' | 'schemas'>,
  services: Services,
): { readonly routes: Routes; readonly operations: number } {
  const { document, notes } = parts
  const room = { ...parts, price: price as PriceRule, prefix, parameterNames: new Map() }
  const idOf = uniqueNames(63, 'op-')
  const keptNameOf = keptOperationIds()
  const routes: Routes = new Map()
  const paths = entriesOf(document.root.paths)
  let operations = 0
  for (const [index, [path, given]] of paths.entries()) {
    progress?.('paths', paths.length, index + 1)
    const item = mappingAt(document, given)
    if (item === undefined || !path.startsWith('/')) continue
    const { ours, others } = operationsOf(path, item)
    operations += ours.length + others.length
    for (const method of others) {
      notes.begin(oneLine(`${method} ${path}`))
      notes.leaveOut(`a route has no method ${method}`)
    }
    for (const each of ours) {
      const operation = oneLine(`${each.method} ${path}`)
      notes.begin(operation)
      if (onlyRedirects(each.operation)) {
        notes.leaveOut('it responds with a redirect, and redirects do not cross the gateway')
        continue
      }
      const id = idOf(wishedId(each))
      const operationId = keptNameOf({ id, methods: [each.method] }, each.operation.operationId)
      const route = {
        ...routeOf(each, services.of(item, each.operation), room),
        ...(operationId !== undefined && { operationId }),
      }
      routes.set(id, { operation, route })
    }
  }
  alignTails(routes)
  if (operations === 0) throw new ImportError('it has no paths with operations.')
  return { routes, operations }
}

/**
 * A path that ends with a parameter in one operation and with a tail in another is one path to the gateway, so that both
 * take their calls: the tail becomes a parameter with encoded slashes.
 */
function alignTails(routes: Routes): void {
  const plain = new Set([...routes.values()].map(({ route }) => route.path))
  for (const [id, { operation, route }] of routes) {
    const path = route.path.replace('*}', '}')
    if (path === route.path || !plain.has(path)) continue
    const { upstreamPath } = route
    const aligned = {
      ...{ ...route, path, encodedSlash: true },
      ...(upstreamPath !== undefined && { upstreamPath: upstreamPath.replace('*}', '}') }),
    }
    routes.set(id, { operation, route: aligned })
  }
}

function wishedId({ method, path, operation }: Operation): string {
  const { operationId } = operation
  return typeof operationId === 'string' && /[A-Za-z0-9]/.test(operationId)
    ? operationId
    : `${method.toLowerCase()}${path}`
}

/**
 * Each round takes away what is at fault; what a fault hid comes to light in the next. A schema is taken away before the
 * routes that refer to it.
 */
function leaveOutFaulty(routes: Routes, services: Services, schemas: Schemas, notes: Notes): void {
  for (;;) {
    const faults = configFaults(fileOf(routes, services, schemas))
    if (faults.length === 0 || routes.size === 0) return
    const ofSchemas = faults.filter(({ path: [section] }) => section === 'schemas')
    for (const { path, message } of ofSchemas.length > 0 ? ofSchemas : faults) {
      const [section, name = ''] = path.map(String)
      const faulty = routes.get(name)
      if (section === 'schemas') {
        notes.begin(`schemas.${name}`)
        notes.add(
          `a schema is not understood, so anything is taken: ${oneLine(placed(path.slice(2), message))}`,
        )
        schemas.forget(name)
      } else if (section !== 'routes') throw new Error(`${path.join('.')}: ${message}`)
      else if (faulty !== undefined) {
        notes.begin(faulty.operation)
        // The message says by itself what is wrong with a field of the route; inside a field it needs its place.
        const text = path.length > 3 ? placed(path.slice(2), message) : message
        notes.leaveOut(oneLine(text))
        routes.delete(name)
      }
    }
  }
}

/** What is wrong, after where it is. */
function placed(path: Path, message: string): string {
  return printProblem({ path: printPath(path), message })
}

function fileOf(routes: Routes, services: Services, { named }: Schemas): ConfigFile {
  const entries = [...routes].map(([id, { route }]): [string, Route] => [id, route])
  const used = usedSchemas(
    entries.map(([, route]) => route),
    named,
  )
  return {
    services: Object.fromEntries(
      services.all.map(({ name, urlEnv, url }) => [name, { urlEnv, ...(url && { url }) }]),
    ),
    plans: { standard: firstPlan },
    defaultPlan: 'standard',
    routes: Object.fromEntries(entries),
    ...(Object.keys(used).length > 0 && { schemas: used }),
  }
}

/** An account may try things out; nobody pays yet. */
const firstPlan: ConfigFile['plans'][string] = {
  rateLimit: 60,
  windowMs: 60_000,
  credits: 10_000,
  maxInFlight: 10,
  endpoints: 'all',
  fee: { minorUnits: 0, currency: 'EUR' },
}

function webhooksOf(root: Mapping): number {
  return entriesOf(root.webhooks).length
}

function printFault({ path, message }: { readonly path: Path; readonly message: string }): string {
  return `${printPath(path)}: ${message}`
}
