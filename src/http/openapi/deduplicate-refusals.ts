/**
 * Many routes refuse alike, so each refusal stands in the document once. That halves the document, and Swagger UI,
 * which reads all of it whenever a route is opened, becomes quicker.
 */
import { mapValues } from '../../lib/map-values.ts'
import type { Operation, Paths, ResponseObject } from './openapi-types.ts'

interface DeduplicatedRefusals {
  /** As they were, with references in place of refusals. */
  readonly paths: object
  /** By name, for `#/components/responses`. */
  readonly responses: Readonly<Record<string, ResponseObject>>
}

export function deduplicateRefusals(paths: Paths): DeduplicatedRefusals {
  const responses: Record<string, ResponseObject> = {}
  const names = new Map<string, string>()

  /** A refusal becomes a reference to the one that reads the same; all else stays. */
  function deduplicate(response: ResponseObject, status: string) {
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

  const withReferences = (operation: Operation) => ({
    ...operation,
    responses: mapValues(operation.responses, deduplicate),
  })
  return {
    paths: mapValues(paths, (operations) => mapValues(operations, withReferences)),
    responses,
  }
}
