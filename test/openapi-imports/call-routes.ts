/** A call of a route, made of the examples and the types of its schemas. */
import type { Route } from '../../src/config/config.ts'
import { type JsonSchema, schemaCheck } from '../../src/config/json-schema.ts'
import { exampleOf } from '../../src/http/openapi/openapi-example.ts'

export interface Outcome {
  readonly route: string
  readonly status: number
  readonly charged: string | null
  /** The beginning of the response of a call that did not succeed. */
  readonly text?: string
}

/**
 * Calls the route with the document's own examples, and, as some of these do not fit their own schemas, with made ones.
 *
 * @param url of the gateway
 */
export async function callRoute(route: Route, url: string, apiKey: string): Promise<Outcome> {
  const outcome = await callWith(route, url, apiKey)
  return outcome.status < 400 ? outcome : callWith(withoutExamples(route), url, apiKey)
}

function withoutExamples(route: Route): Route {
  const { request, parameters, query } = route
  const bare = JSON.stringify({ request, parameters, query }, (key, value) =>
    key === 'examples' && Array.isArray(value) ? undefined : value,
  )
  return { ...route, ...JSON.parse(bare) }
}

async function callWith(route: Route, url: string, apiKey: string): Promise<Outcome> {
  const [method = 'GET'] = route.methods
  const target = targetOf(route)
  const { body, type } = bodyOf(route)
  const response = await fetch(url + target, {
    method,
    redirect: 'manual',
    headers: {
      'X-API-Key': apiKey,
      // Some operations of a document require a header, which routes do not describe.
      'Atlassian-Transfer-Id': '00000000-0000-4000-8000-000000000000',
      Accept: 'application/json, */*;q=0.5',
      ...(type !== undefined && { 'Content-Type': type }),
    },
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  return {
    route: `${method} ${target}`,
    status: response.status,
    charged: response.headers.get('X-Credits-Charged'),
    ...(response.status >= 400 && { text: text.slice(0, 500) }),
  }
}

/** Values that no schema tells how to make. */
const byName: Readonly<Record<string, unknown>> = {
  version: '1.0.0',
  subject_digest: `sha256:${'0'.repeat(64)}`,
  key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA',
}

/** A value that fits the schema, where one can be made. */
function fittingValue(schema: JsonSchema, name = ''): unknown {
  const { examples: _, ...bare } = schema
  const wishes = [
    exampleOf(schema),
    byName[name],
    exampleOf(schema, byName),
    exampleOf(bare, byName),
  ]
  const fits = (value: unknown) =>
    value !== undefined && schemaCheck(schema)(value, false).length === 0
  return wishes.find(fits) ?? exampleOf(bare)
}

function targetOf({ path, parameters, query }: Route): string {
  const filled = path.replace(/\{([^{}*]+)\*?\}/g, (_, name: string) => {
    const text = String(fittingValue(parameters[name] ?? {}, name) ?? 'text')
    // Prism finds no path for a parameter with slashes.
    return encodeURIComponent(text.replaceAll('/', '-'))
  })
  if (query === undefined || query === 'any') return filled
  const needed = (query.required ?? []) as string[]
  const schemas = query.properties as Record<string, JsonSchema>
  const sent = new URLSearchParams()
  for (const name of needed) {
    for (const value of [fittingValue(schemas[name] ?? {}, name) ?? 'text'].flat()) {
      sent.append(name, String(value))
    }
  }
  return needed.length > 0 ? `${filled}?${sent}` : filled
}

function bodyOf({ request }: Route): { readonly body?: string | FormData; readonly type?: string } {
  if (request === undefined || 'any' in request) return {}
  if ('json' in request) {
    return { body: JSON.stringify(fittingValue(request.json) ?? {}), type: 'application/json' }
  }
  if ('form' in request) {
    const fields = new URLSearchParams()
    for (const [name, value] of Object.entries((fittingValue(request.form) as object) ?? {})) {
      for (const each of [value].flat()) fields.append(name, String(each))
    }
    return { body: fields.toString(), type: 'application/x-www-form-urlencoded' }
  }
  if ('multipart' in request) {
    const { files, fields } = request.multipart
    const form = new FormData()
    for (const [name, { types }] of Object.entries(files)) {
      const type = (types[0] ?? 'text/plain')
        .replace('*/*', 'text/plain')
        .replace('*', 'octet-stream')
      form.append(name, new File(['a file'], 'file', { type }))
    }
    for (const [name, value] of Object.entries((fittingValue(fields) as object) ?? {})) {
      form.append(name, String(value))
    }
    return { body: form }
  }
  const [type = 'application/octet-stream'] = request.raw
  return {
    body: type.includes('json') ? '{}' : 'text',
    type: type.replace('*/*', 'text/plain').replace('*', 'octet-stream'),
  }
}
