/** The refusals of a route that stands in for a provider's API: they have what its clients read, too. */

import { mapValues } from '../../lib/map-values.ts'
import { forClientsOf as documentFor } from '../../problems/problem-document.ts'
import type { Provider } from '../../providers/provider.ts'
import { problemExamples } from './openapi-refusals.ts'
import type { ResponseObject, Responses } from './openapi-types.ts'

const problem = 'application/problem+json'

export function forClientsOf(provider: Provider | undefined, refused: Responses): Responses {
  if (!provider) return refused
  const names = Object.keys(provider.retryHeaders(false, undefined))
  const headers = Object.fromEntries(names.map((name) => [name, retryHeader]))
  const members = { type: 'object', properties: provider.errorSchemas }
  const exampleFor = (example: unknown, code: string) => {
    const known = problemExamples[code]
    return known ? { value: documentFor(provider, known.value) } : example
  }
  const entries = Object.entries(refused).map(([status, response]): [string, ResponseObject] => {
    const content = response.content?.[problem]
    return [
      status,
      {
        ...response,
        headers: { ...response.headers, ...headers },
        content: {
          ...response.content,
          [problem]: {
            ...content,
            schema: { allOf: [content?.schema, members] },
            ...(content?.examples && { examples: mapValues(content.examples, exampleFor) }),
          },
        },
      },
    ]
  })
  return Object.fromEntries(entries)
}

const retryHeader = {
  description: 'Whether the same request can succeed a little later without being paid twice.',
  schema: { type: 'string', enum: ['true', 'false'] },
}
