/** Options that name the owner of an account: a user or an organisation. */
import type { Owner } from '../../lib/ids.ts'
import { UsageError } from '../usage-error.ts'

export const ownerArgs = {
  user: {
    type: 'string',
    valueHint: 'ID',
    description: 'The user who owns the key, as tokens name them',
  },
  organisation: {
    type: 'string',
    valueHint: 'ID',
    description: 'Or the organisation that owns the key',
  },
} as const

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
