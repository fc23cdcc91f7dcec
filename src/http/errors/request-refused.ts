/**
 * How routes and parsers say no: they throw, and failures.ts makes the problem document of it. A handler
 * then answers with its success alone, which is what its response schema and its type describe.
 */

import { isRefused, type Refused } from '../../management/decision.ts'
import type { InvalidPart, Refusal } from '../../problems/refusal.ts'
import { invalidRequest, refusalOf } from './management-refusals.ts'

export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.detail)
    this.refusal = refusal
  }
}

/** @throws RequestRefused when anything is wrong */
export function requireValid(errors: readonly InvalidPart[]): void {
  if (errors.length > 0) throw new RequestRefused(invalidRequest(errors))
}

/**
 * What management answered, if it did not refuse.
 * @param pointers where the parts of a command stand in this request's body, if not under their names
 * @throws RequestRefused
 */
export function unwrap<T extends object>(
  result: T | Refused,
  pointers?: Readonly<Record<string, string>>,
): T {
  if (isRefused(result)) throw new RequestRefused(refusalOf(result, pointers))
  return result
}

/** @throws RequestRefused when there is nothing */
export function orNotFound<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value
  throw new RequestRefused({ code: 'not_found', detail: `There is no such ${what}.` })
}
