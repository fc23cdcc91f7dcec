/**
 * Routes refuse alike: a refusal that many of them have stands in the document once. That halves it, and
 * Swagger UI, which reads all of it whenever a route is opened, is the quicker for it.
 */
import { mapValues, type Operation, type Paths, type ResponseObject } from './openapi.ts'

export interface Shared {
  /** As they were, with references for refusals. */
  readonly paths: object
  /** By name, for `#/components/responses`. */
  readonly responses: Readonly<Record<string, ResponseObject>>
}

export function shareRefusals(paths: Paths): Shared {
  const responses: Record<string, ResponseObject> = {}
  const names = new Map<string, string>()

  function share(response: ResponseObject, status: string) {
    if (Number(status) < 400) return response
    const text = JSON.stringify(response)
    const name = names.get(text) ?? newName(status)
    names.set(text, name)
    responses[name] = response
    return { $ref: `#/components/responses/${name}` }
  }

  /** `401-1`, `401-2`, … */
  function newName(status: string): string {
    const others = Object.keys(responses).filter((name) => name.startsWith(`${status}-`))
    return `${status}-${others.length + 1}`
  }

  const shared = (operation: Operation) => ({
    ...operation,
    responses: mapValues(operation.responses, share),
  })
  return { paths: mapValues(paths, (operations) => mapValues(operations, shared)), responses }
}
