/**
 * Makes a problem document of every error of a request. The client learns what it can act on and nothing else;
 * the log has the error itself.
 */
import { NotFoundError, ParseError, ValidationError } from 'elysia'
import { isUnavailable } from '../../ledger/unavailable.ts'
import { shortPointer } from '../../lib/json-pointer.ts'
import { problemOf } from '../../problems/problem-document.ts'
import { type InvalidPart, invalidRequest, type Refusal } from '../../problems/refusal.ts'
import { allowedMethods, type RoutePattern } from '../allowed-methods.ts'
import { RequestRefused } from './request-refused.ts'

interface ErrorHandlerDeps {
  readonly requestIdOf: (request: Request) => string
  readonly log: (message: string, error: unknown) => void
  /** All routes, by which an unknown path differs from an unknown method. */
  readonly routes: () => readonly RoutePattern[]
}

/** An `onError` for Elysia. It knows errors by their class, never by their `code`, which other errors have too. */
export function errorHandler({ requestIdOf, log, routes }: ErrorHandlerDeps) {
  return ({ error, request }: { readonly error: unknown; readonly request: Request }): Response => {
    // Without a Host, which HTTP/1.0 allows, the URL of a request is only its target.
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
  // A response that does not fit its own schema is a fault of the gateway, not of the client.
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

/** What a pointer begins with where it does not lead into the body: as in the refusals of calls. */
const beginnings: Readonly<Record<string, string>> = {
  query: 'query',
  params: 'path',
  headers: 'header',
}

/** The first fault of each field: a missing field is also not a text, which says nothing more. */
function invalidParts(error: ValidationError): InvalidPart[] {
  const parts = new Map<string, InvalidPart>()
  for (const fault of error.all) {
    const path = 'path' in fault && fault.path ? String(fault.path) : ''
    const pointer = shortPointer(`${beginnings[error.type] ?? ''}${path}`)
    if (!parts.has(pointer)) parts.set(pointer, { pointer, detail: detailOf(fault) })
  }
  return [...parts.values()]
}

/** The numbers that TypeBox gives to the faults that no title of a schema describes. */
const typeBoxFaults = { additionalProperty: 42, missing: 45 }

function detailOf(fault: ValidationError['all'][number]): string {
  const title = fault.schema.title
  if (fault.type === typeBoxFaults.additionalProperty) return 'unknown field'
  if (fault.type === typeBoxFaults.missing) return 'missing'
  if (title !== undefined) return `expected ${title}`
  return fault.message.charAt(0).toLowerCase() + fault.message.slice(1)
}
