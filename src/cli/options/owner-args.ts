/** Whose account is meant. */
import type { Owner } from '../../lib/ids.ts'
import { UsageError } from '../errors.ts'

/** @throws UsageError when both are named */
export function ownerOf({
  user,
  organisation,
}: {
  readonly user?: string | undefined
  readonly organisation?: string | undefined
}): Owner | undefined {
  if (user !== undefined && organisation !== undefined) {
    throw new UsageError('pass --user or --organisation, not both.')
  }
  if (user !== undefined) return { kind: 'user', id: user }
  return organisation === undefined ? undefined : { kind: 'organisation', id: organisation }
}
