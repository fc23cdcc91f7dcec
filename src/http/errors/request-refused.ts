/**
 * How routes and parsers refuse a request: they throw, and the error handler makes a problem document of it. A
 * handler then returns its success alone, which is what its response schema and its type describe.
 */
import { isRefused, type Refused } from '../../management/decision.ts'
import { type InvalidPart, invalidRequest, type Refusal } from '../../problems/refusal.ts'
import { managementRefusal } from './management-refusals.ts'

export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.detail)
    this.refusal = refusal
  }
}

/** @throws RequestRefused when there is any error */
export function requireValid(errors: readonly InvalidPart[]): void {
  if (errors.length > 0) throw new RequestRefused(invalidRequest(errors))
}

/**
 * The result of a management command that was not refused.
 *
 * @param pointers where this request's body has the fields of the command, if not under their names
 * @throws RequestRefused
 */
export function unwrap<T extends object>(
  result: T | Refused,
  pointers?: Readonly<Record<string, string>>,
): T {
  if (isRefused(result)) throw new RequestRefused(managementRefusal(result, pointers))
  return result
}

/** A page, where the cursor of the request leads to one. @throws RequestRefused */
export function orBadCursor<T>(page: T | undefined): T {
  if (page === undefined)
    requireValid([{ pointer: 'query/cursor', detail: 'leads nowhere: begin again without it' }])
  return page as T
}

/** @throws RequestRefused when the value is undefined */
export function orNotFound<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value
  throw new RequestRefused({ code: 'not_found', detail: `There is no such ${what}.` })
}
