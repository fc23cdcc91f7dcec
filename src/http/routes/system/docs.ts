/**
 * The API documentation: `/docs/json` is an OpenAPI document, `/docs` shows it.
 *
 * @elysiajs/swagger reads the app's own routes, and only this file knows it. What it makes is a draft:
 * it is OpenAPI 3.0, offers every body in three media types, leaves responses without the description
 * that they must have, and its page comes from a CDN. So the draft is put right here, the configured
 * calls are added, and the page is our own.
 */

import { swagger } from '@elysiajs/swagger'
import { OptionalKind } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { version } from '../../../../package.json'
import type { Config } from '../../../config/config.ts'
import type { JsonSchema } from '../../../config/json-schema.ts'
import { mapValues } from '../../../lib/map-values.ts'
import { codesOf, type RefusalCode, type RouteTrait } from '../../../problems/refusal.ts'
import { refusalsByRoute } from '../../errors/management-refusals.ts'
import { callsDocument } from '../../openapi/openapi-calls.ts'
import { exampleOf } from '../../openapi/openapi-example.ts'
import { headerRefs, headers, rateHeaderNames } from '../../openapi/openapi-headers.ts'
import { problemExamples, problemSchema, refusalResponses } from '../../openapi/openapi-refusals.ts'
import { securitySchemes, withSignIn } from '../../openapi/openapi-security.ts'
import { bodyExamples, fieldExamples, introduction, ownTags } from '../../openapi/openapi-text.ts'
import type {
  Content,
  Operation,
  Parameter,
  ResponseObject,
  Responses,
} from '../../openapi/openapi-types.ts'
import { shareRefusals } from '../../openapi/share-refusals.ts'
import { docsFile, docsPage } from './docs-page.ts'

const documentPath = '/docs/json'

/** The routes of the documentation, which describe all routes of the app that uses them. */
export function docsRoutes(config: Pick<Config, 'routes'>) {
  let document: string | undefined
  const hidden = { detail: { hide: true } }
  return (
    new Elysia({ name: 'docs', normalize: false })
      .onAfterHandle(({ path, response }) => {
        if (path !== documentPath) return
        document ??= JSON.stringify(finished(response as Draft, config))
        return new Response(document, { headers: { 'Content-Type': 'application/json' } })
      })
      .use(swagger({ path: '/docs', specPath: documentPath }))
      // The page that replaces the plugin's.
      .get('/docs', docsPage, hidden)
      .get('/docs/:file', ({ params }) => docsFile(params.file), hidden)
  )
}

/** As the plugin has it: TypeBox schemas, still with their symbols. */
interface Draft {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DraftOperation>>>>
}

interface DraftOperation extends Omit<Partial<Operation>, 'responses'> {
  readonly operationId: string
  readonly responses: Readonly<Record<string, Partial<ResponseObject>>>
}

function finished(draft: Draft, config: Pick<Config, 'routes'>): object {
  const calls = callsDocument(config)
  const own = mapValues(draft.paths, (operations, path) =>
    mapValues(operations, (operation, method) => finishedOperation(`${method} ${path}`, operation)),
  )
  const { paths, responses } = shareRefusals({ ...calls.paths, ...own })
  return {
    openapi: '3.1.0',
    info: { title: 'Tollbook', version, description: introduction },
    servers: [{ url: '/' }],
    tags: [...calls.tags, ...ownTags],
    paths,
    components: {
      ...{ securitySchemes, headers, responses },
      schemas: { Problem: problemSchema, ...calls.schemas },
      examples: problemExamples,
    },
  }
}

function finishedOperation(where: string, draft: DraftOperation): Operation {
  const { operationId, summary = '', description, tags = [], parameters = [] } = draft
  const signedIn = '401' in draft.responses
  const security = draft.security ?? (signedIn ? withSignIn : [])
  const body = jsonOf(draft.requestBody?.content)
  return {
    operationId: operationId.replace(/[^a-zA-Z0-9]+(.)/g, (_, letter) => letter.toUpperCase()),
    summary,
    ...(description !== undefined && { description }),
    tags,
    security,
    ...(parameters.length > 0 && { parameters: parameters.map(finishedParameter) }),
    ...(body !== undefined && {
      requestBody: {
        required: !(OptionalKind in body),
        content: jsonContent(body, bodyExamples[where]),
      },
    }),
    responses: finishedResponses(where, draft.responses, refusalsOf(where, draft)),
  }
}

function finishedParameter({ name, in: place, required, description, schema }: Parameter) {
  const { description: ofSchema, ...rest } = readable(schema) as JsonSchema
  const words = description ?? ofSchema
  return {
    name,
    in: place,
    required: required && !('default' in rest),
    ...(typeof words === 'string' && { description: words }),
    schema: rest,
  }
}

/** Answers as the routes describe them; refusals, where there are any, by their codes. */
function finishedResponses(
  where: string,
  draft: DraftOperation['responses'],
  codes: readonly RefusalCode[],
): Responses {
  const answers = Object.entries(draft)
    .filter(([status]) => Number(status) < 400 || codes.length === 0)
    .map(([status, { description, content }]): [string, ResponseObject] => {
      const json = jsonOf(content)
      return [
        status,
        {
          description: description ?? 'Done.',
          ...(codes.length > 0 && {
            headers: headerRefs([
              'X-Request-Id',
              ...(where === 'get /v1/key' ? rateHeaderNames : []),
            ]),
          }),
          ...(json !== undefined && { content: jsonContent(json) }),
        },
      ]
    })
  return { ...Object.fromEntries(answers), ...refusalResponses(codes) }
}

/**
 * How a route refuses: customers' routes as the gate does, those for the signed-in by the statuses that
 * they describe, and the open ones (which describe all their answers themselves) not at all.
 */
function refusalsOf(
  where: string,
  { security, parameters, requestBody, responses }: DraftOperation,
) {
  if (!security && !('401' in responses)) return []
  const takesInput = requestBody !== undefined || (parameters?.length ?? 0) > 0
  // On owners' routes auditors are refused what would change something.
  const needsRole = !security && (where.includes(' /admin/') || !where.startsWith('get '))
  const traits: RouteTrait[] = ['any', security ? 'apiKey' : 'signIn']
  if (takesInput) traits.push('input')
  if (requestBody) traits.push('body')
  const codes: RefusalCode[] = [...codesOf(traits), ...(refusalsByRoute[where] ?? [])]
  if (needsRole) codes.push('forbidden')
  if ('404' in responses && where !== 'post /api-keys') codes.push('not_found')
  if ('409' in responses) codes.push('conflict')
  return codes
}

/** The plugin offers every schema as JSON, as a form and as text; ours are JSON. */
function jsonOf(content: Content | undefined): JsonSchema | undefined {
  return content?.['application/json']?.schema as JsonSchema | undefined
}

function jsonContent(draft: JsonSchema, known?: unknown): Content {
  const schema = readable(draft) as JsonSchema
  const example = known ?? exampleOf(schema, fieldExamples)
  return { 'application/json': { schema, ...(example !== undefined && { example }) } }
}

/**
 * A schema for readers: what errors call a field (`title`) is part of its description, since generators
 * of clients would name a type by it; a number in a query, which Elysia also takes as text, is a number;
 * and words that are ours or Elysia's alone are left out.
 */
function readable(schema: unknown): unknown {
  if (!isObject(schema)) return schema
  const [asText, asNumber] = Array.isArray(schema.anyOf) ? schema.anyOf : []
  if (isObject(asText) && asText.format === 'integer') return readable(asNumber)
  const { nullable: _, patternErrorMessage: __, title, description, properties, ...rest } = schema
  const words = [title, description].filter((text) => text !== undefined).join('. ')
  return {
    ...(words !== '' && { description: words }),
    ...mapValues(rest, (part) => (Array.isArray(part) ? part.map(readable) : readable(part))),
    ...(isObject(properties) && { properties: mapValues(properties, readable) }),
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
