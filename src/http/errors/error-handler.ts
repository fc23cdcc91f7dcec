/**
 * Every failure of a request as a problem document. The client learns what it can act on and nothing else;
 * the log has the error itself.
 */
import { NotFoundError, ParseError, ValidationError } from 'elysia'
import { isUnavailable } from '../../ledger/unavailable.ts'
import { shortPointer } from '../../lib/json-pointer.ts'
import { problemOf } from '../../problems/problem-document.ts'
import type { InvalidPart, Refusal } from '../../problems/refusal.ts'
import { allowedMethods, type RoutePattern } from '../routes/allowed-methods.ts'
import { invalidRequest } from './management-refusals.ts'
import { RequestRefused } from './request-refused.ts'

export interface ErrorHandlerDeps {
  readonly requestIdOf: (request: Request) => string
  readonly log: (message: string, error: unknown) => void
  /** All routes, for telling an unknown path from an unknown method. */
  readonly routes: () => readonly RoutePattern[]
}

/** An `onError` for Elysia. Errors are told by their class, never by their `code`, which others have too. */
export function errorHandler({ requestIdOf, log, routes }: ErrorHandlerDeps) {
  return ({ error, request }: { readonly error: unknown; readonly request: Request }): Response => {
    // A request of HTTP/1.0 may name no host, and then its target is all there is.
    const pathname = URL.parse(request.url)?.pathname ?? request.url
    const refusal = refusalIn(error) ?? (error instanceof NotFoundError && notFound(pathname))
    if (!refusal) log(`${request.method} ${pathname}: failed`, error)
    else if (refusal.code === 'ledger_unavailable') {
      log(`${request.method} ${pathname}: the ledger cannot be reached`, error)
    }
    return problemOf(refusal || internal, requestIdOf(request))
  }

  function notFound(pathname: string): Refusal {
    const methods = allowedMethods(routes(), pathname)
    if (methods.length === 0) return { code: 'not_found', detail: 'There is no such route.' }
    const allow = methods.join(', ')
    return {
      code: 'method_not_allowed',
      detail: `This path takes ${allow}.`,
      headers: { Allow: allow },
    }
  }
}

const internal: Refusal = { code: 'internal', detail: 'The gateway failed.' }

function refusalIn(error: unknown): Refusal | undefined {
  if (error instanceof RequestRefused) return error.refusal
  if (error instanceof ParseError) {
    if (error.cause instanceof RequestRefused) return error.cause.refusal
    return invalidRequest([{ pointer: '', detail: 'The body cannot be read.' }])
  }
  // An answer of ours that does not fit its own schema is no fault of the client.
  if (error instanceof ValidationError && error.type !== 'response') {
    return invalidRequest(invalidParts(error))
  }
  if (isUnavailable(error)) {
    return {
      code: 'ledger_unavailable',
      detail: 'The ledger cannot be reached just now.',
      headers: { 'Retry-After': '5' },
    }
  }
  return undefined
}

/** The first fault of each part: that a missing field is also no text says nothing more. */
function invalidParts(error: ValidationError): InvalidPart[] {
  const parts = new Map<string, InvalidPart>()
  for (const fault of error.all) {
    const pointer = shortPointer('path' in fault && fault.path ? String(fault.path) : '')
    if (!parts.has(pointer)) parts.set(pointer, { pointer, detail: wordsFor(fault) })
  }
  return [...parts.values()]
}

/** TypeBox's numbers of the faults that no title of a schema describes. */
const faultTypes = { additionalProperty: 42, missing: 45 }

function wordsFor(fault: ValidationError['all'][number]): string {
  const title = fault.schema.title
  if (fault.type === faultTypes.additionalProperty) return 'unknown field'
  if (fault.type === faultTypes.missing) return 'missing'
  if (title !== undefined) return `expected ${title}`
  return fault.message.charAt(0).toLowerCase() + fault.message.slice(1)
}
