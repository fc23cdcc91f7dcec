/**
 * Completes the OpenAPI document that @elysiajs/swagger drafts from the app's own routes. The draft is OpenAPI 3.0,
 * offers every body in three media types, and has responses without the description that they must have. Here it
 * becomes OpenAPI 3.1, gets the refusals of each route, and the configured calls are added.
 */

import { OptionalKind } from '@sinclair/typebox'
import { version } from '../../../package.json'
import type { JsonSchema } from '../../config/json-schema.ts'
import { isMapping } from '../../lib/is-mapping.ts'
import { mapValues } from '../../lib/map-values.ts'
import { codesOf, type RefusalCode, type RouteTrait } from '../../problems/refusal.ts'
import { refusalsByRoute } from '../errors/management-refusals.ts'
import { deduplicateRefusals } from './deduplicate-refusals.ts'
import { withOpenObjects } from './open-objects.ts'
import { callsDocumentInSteps, type DocumentedConfig } from './openapi-calls.ts'
import { exampleOf } from './openapi-example.ts'
import { headerRefs, headers, rateHeaderNames } from './openapi-headers.ts'
import { problemExamples, problemSchema, refusalResponses } from './openapi-refusals.ts'
import {
  allSecuritySchemes,
  type Security,
  withOperatorKey,
  withSession,
  withSignIn,
} from './openapi-security.ts'
import {
  bodyExamples,
  fieldExamples,
  introduction,
  ownInfo,
  ownTags,
  pathIdExample,
} from './openapi-text.ts'
import type { Content, Operation, Parameter, ResponseObject, Responses } from './openapi-types.ts'

/** The document as the plugin drafts it: its schemas are TypeBox's, still with their symbols. */
export interface DraftDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DraftOperation>>>>
}

interface DraftOperation extends Omit<Partial<Operation>, 'responses' | 'parameters'> {
  readonly operationId: string
  readonly parameters?: readonly DraftParameter[]
  readonly responses: Readonly<Record<string, Partial<ResponseObject>>>
}

/** The plugin takes the examples out of the schema. */
interface DraftParameter extends Parameter {
  readonly examples?: readonly unknown[]
}

export async function completeDocument(
  draft: DraftDocument,
  config: DocumentedConfig,
): Promise<object> {
  const calls = await callsDocumentInSteps(config)
  const own = mapValues(draft.paths, (operations, path) =>
    mapValues(operations, (operation, method) => completeOperation(`${method} ${path}`, operation)),
  )
  const { paths, responses } = deduplicateRefusals({ ...calls.paths, ...own })
  const used = JSON.stringify({ paths, responses })
  const onlyUsed = (part: string, components: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(components).filter(([name]) =>
        used.includes(`"#/components/${part}/${name}"`),
      ),
    )
  return {
    openapi: '3.1.0',
    info: { title: 'Tollbook', version, description: introduction, ...ownInfo },
    servers: [{ url: '/' }],
    tags: [...calls.tags, ...ownTags],
    paths,
    components: {
      securitySchemes: allSecuritySchemes(config.keyHeaders),
      headers: onlyUsed('headers', headers),
      responses,
      schemas: { Problem: problemSchema, ...withOpenObjects(calls.schemas) },
      examples: onlyUsed('examples', problemExamples),
    },
  }
}

function completeOperation(where: string, draft: DraftOperation): Operation {
  const { operationId, summary = '', description, tags = [], parameters = [] } = draft
  const signedIn = '401' in draft.responses
  const security = draft.security ?? (signedIn ? signInFor(where) : [])
  const body = jsonOf(draft.requestBody?.content)
  return {
    operationId,
    summary,
    ...(description !== undefined && { description }),
    tags,
    security,
    ...(parameters.length > 0 && {
      parameters: parameters.map((each) => completeParameter(where, each)),
    }),
    ...(body !== undefined && {
      requestBody: {
        required: !(OptionalKind in body),
        content: jsonContent(body, bodyExamples[where]),
      },
    }),
    responses: completeResponses(where, draft.responses, refusalsOf(where, draft)),
  }
}

/** What operators do needs a token, or an operator key, which changes no operator keys. */
function signInFor(where: string): Security {
  if (where.includes(' /portal/')) return where.startsWith('post ') ? [] : withSession
  if (!where.includes(' /admin/')) return [...withSignIn, ...withSession]
  const isInPerson = where.includes(' /admin/operator-keys') && !where.startsWith('get ')
  return isInPerson ? withSignIn : [...withSignIn, ...withOperatorKey]
}

function completeParameter(
  where: string,
  { name, in: location, required, description, schema, examples }: DraftParameter,
): Parameter {
  const { description: ofSchema, ...rest } = readable(schema) as JsonSchema
  const text = description ?? ofSchema
  const isNeeded = required && !('default' in rest)
  const known = { ...fieldExamples, id: pathIdExample(where) }[name]
  return {
    name,
    in: location,
    required: isNeeded,
    ...(typeof text === 'string' && { description: text }),
    schema: rest,
    // The page sends every example that it shows: of a filter, nobody wants one.
    ...(isNeeded && { example: examples?.[0] ?? known ?? exampleOf(rest) }),
  }
}

/** Successful responses as the route describes them, and refusals by their codes. */
function completeResponses(
  where: string,
  draft: DraftOperation['responses'],
  codes: readonly RefusalCode[],
): Responses {
  const isSignedIn = codes.includes('unauthorized')
  const isOpen = !codes.includes('internal')
  const described = Object.entries(draft)
    .filter(([status]) => Number(status) < 400 || isOpen)
    .map(([status, { description, content }]): [string, ResponseObject] => {
      const json = jsonOf(content)
      const media = json?.contentMediaType
      return [
        status,
        {
          description: description ?? 'Done.',
          ...(!isOpen && {
            headers: headerRefs([
              'X-Request-Id',
              ...(isSignedIn || where === 'get /v1/key' ? rateHeaderNames : []),
            ]),
          }),
          ...(json !== undefined && {
            content:
              typeof media === 'string'
                ? { [media]: { schema: { type: 'string' } } }
                : jsonContent(json),
          }),
        },
      ]
    })
  // Before the token is known, there is no rate limit to tell of.
  const more = (status: number) => (isSignedIn && status !== 401 ? rateHeaderNames : [])
  return { ...Object.fromEntries(described), ...refusalResponses(codes, more) }
}

/**
 * The codes with which a route can refuse. Customers' routes refuse as the gate does, routes with a sign-in by the
 * statuses that they describe. Open routes describe their responses themselves, and like all refuse what is malformed.
 */
function refusalsOf(
  where: string,
  { security, parameters, requestBody, responses }: DraftOperation,
): RefusalCode[] {
  if (!security && !('401' in responses)) return ['invalid_request']
  const takesInput = requestBody !== undefined || (parameters?.length ?? 0) > 0
  // Operators' routes need their role; of owners' routes, auditors change nothing, and an operator key may use none.
  const needsRole = !security
  const traits: RouteTrait[] = ['any', security ? 'apiKey' : 'signIn']
  if (takesInput) traits.push('input')
  if (requestBody) traits.push('body')
  const codes: RefusalCode[] = [...codesOf(traits), ...(refusalsByRoute[where] ?? [])]
  if (needsRole) codes.push('forbidden')
  if ('404' in responses && where !== 'post /api-keys') codes.push('not_found')
  if ('409' in responses) codes.push('conflict')
  return codes
}

/** The plugin offers every schema as JSON, as a form and as text; only JSON is true. */
function jsonOf(content: Content | undefined): JsonSchema | undefined {
  return content?.['application/json']?.schema as JsonSchema | undefined
}

function jsonContent(draft: JsonSchema, givenExample?: unknown): Content {
  const schema = readable(draft) as JsonSchema
  const example = givenExample ?? exampleOf(schema, fieldExamples)
  return { 'application/json': { schema, ...(example !== undefined && { example }) } }
}

/**
 * The schema for readers. The `title`, which errors use, becomes a part of the description, because generators of
 * clients name types by it. A number in a query, which Elysia also accepts as text, is a number. Keywords that
 * only Elysia or Tollbook know are left out.
 */
function readable(schema: unknown): unknown {
  if (!isMapping(schema)) return schema
  const [asText, asNumber] = Array.isArray(schema.anyOf) ? schema.anyOf : []
  if (isMapping(asText) && asText.format === 'integer') return readable(asNumber)
  const { title, description, properties, ...others } = schema
  const { nullable: _, patternErrorMessage: __, sample: ___, elsewhere: ____, ...rest } = others
  const text = [title, description].filter((part) => part !== undefined).join('. ')
  return {
    ...(text !== '' && { description: text }),
    ...mapValues(rest, (part) => (Array.isArray(part) ? part.map(readable) : readable(part))),
    ...(isMapping(properties) && { properties: mapValues(properties, readable) }),
  }
}
