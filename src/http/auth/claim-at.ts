// Where a token says something: the name of a claim, or a path into one.

import type { JWTPayload } from 'jose'
import { isMapping } from '../../lib/is-mapping.ts'

/**
 * The value at a path such as `realm_access.roles`. A name may itself have dots and slashes, as
 * `https://example.com/roles` has: the longest name that is there is taken at each step.
 *
 * @returns undefined where the token does not have the claim
 */
export function claimAt(claims: JWTPayload, path: string): unknown {
  return valueAt(claims, path.split('.'))
}

function valueAt(value: unknown, steps: readonly string[]): unknown {
  if (steps.length === 0) return value
  if (!isMapping(value)) return undefined
  for (let length = steps.length; length > 0; length--) {
    const name = steps.slice(0, length).join('.')
    if (!Object.hasOwn(value, name)) continue
    const found = valueAt(value[name], steps.slice(length))
    if (found !== undefined) return found
  }
  return undefined
}
