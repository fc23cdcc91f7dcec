/** Whether each path can be understood, and means one route. */
import type { Fault } from '../../lib/fault.ts'
import { methodsOf } from '../../lib/http-methods.ts'
import { comparePrecedence, formOf, overlaps } from '../../lib/path-precedence.ts'
import {
  type PathTemplate,
  parsePathTemplate,
  parseTargetTemplate,
  TemplateError,
} from '../../lib/path-template.ts'
import type { Route } from '../file/route.ts'
import { ownPathOf } from '../own-paths.ts'

export function pathFaults(route: Route): Fault[] {
  const { path } = route
  const template = readTemplate(path)
  if ('message' in template) return [{ path: ['path'], message: template.message }]
  const message = startFault(template) ?? colonFault(template) ?? ownPathFault(template)
  return [
    ...(message === undefined ? [] : [{ path: ['path'], message }]),
    ...upstreamPathFaults(route, template),
  ]
}

/** The template, or what is wrong with it. */
export function readTemplate(
  path: string,
  parse = parsePathTemplate,
): PathTemplate | { readonly message: string } {
  try {
    return parse(path)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return { message: `${error.message}, got ${JSON.stringify(path)}` }
  }
}

function startFault({ text, segments }: PathTemplate): string | undefined {
  const [first] = segments[0] ?? []
  const isPlain = segments[0]?.length === 1 && /^[A-Za-z0-9._~-]+$/.test(String(first))
  return isPlain ? undefined : `expected a path that begins with a name, such as /v1, got "${text}"`
}

/** As other routers write a parameter. */
function colonFault({ segments }: PathTemplate): string | undefined {
  const name = segments.flatMap(([first]) => colonName(first) ?? [])[0]
  return name && literalColon(name)
}

function literalColon(name: string): string {
  return `:${name} would be taken literally: a parameter is written {${name}}`
}

/** The name behind a colon that a segment begins with. */
function colonName(first: unknown): string | undefined {
  return typeof first === 'string' ? /^:([A-Za-z_]\w*)/.exec(first)?.[1] : undefined
}

function ownPathFault(template: PathTemplate): string | undefined {
  const own = ownPathOf(template)
  if (own === undefined) return undefined
  return own === template.text || template.names.length === 0
    ? `${template.text} is served by the gateway itself`
    : `${template.text} can mean ${own}, which is served by the gateway itself`
}

function upstreamPathFaults({ upstreamPath }: Route, { names, tail }: PathTemplate): Fault[] {
  if (upstreamPath === undefined) return []
  const path = ['upstreamPath']
  const template = readTemplate(upstreamPath, parseTargetTemplate)
  if ('message' in template) return [{ path, message: template.message }]
  const literal = template.segments.flatMap(([first]) => colonName(first) ?? [])
  const meant = literal.find((name) => names.includes(name))
  if (meant !== undefined) return [{ path, message: literalColon(meant) }]
  return template.names.flatMap((name) => {
    if (!names.includes(name)) return [{ path, message: `{${name}} is no parameter of path` }]
    if ((name === tail) === (name === template.tail)) return []
    const written = name === tail ? `{${name}*}` : `{${name}}`
    return [{ path, message: `expected ${written}, as in path` }]
  })
}

/** Two routes that a request could mean with equal right. */
export function samePathFaults(routes: readonly [string, Route][]): Fault[] {
  const seen: { readonly id: string; readonly route: Route; readonly template: PathTemplate }[] = []
  return routes.flatMap(([id, route]) => {
    const template = readTemplate(route.path)
    if ('message' in template) return []
    const faults = seen.flatMap((other) => {
      const message = rivalry([route, template], [other.route, other.template])
      return message === undefined
        ? []
        : [{ path: ['routes', id, 'path'], message: `${message} routes.${other.id} already` }]
    })
    seen.push({ id, route, template })
    return faults.slice(0, 1)
  })
}

type Rival = readonly [Route, PathTemplate]

function rivalry([route, template]: Rival, [other, otherTemplate]: Rival): string | undefined {
  if (!overlaps(template, otherTemplate) || comparePrecedence(template, otherTemplate) !== 0) {
    return undefined
  }
  if (formOf(template) !== formOf(otherTemplate)) {
    return `${route.path} can mean the same path as ${other.path}, with equal right, which is`
  }
  if (template.names.join() !== otherTemplate.names.join()) {
    return `${route.path} is ${other.path} with other names of its parameters, which is`
  }
  const others = methodsOf(other)
  const same = methodsOf(route).find((method) => others.includes(method))
  return same && `${same} ${route.path} is`
}
