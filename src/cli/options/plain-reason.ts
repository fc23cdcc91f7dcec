/** The reason of a command that is about no account, so that nothing of it is encrypted. */
import type { Actor } from '../../management/actor.ts'
import { parseText } from './option-values.ts'

export const plainReasonArg = {
  reason: {
    type: 'string',
    valueHint: 'TEXT',
    description: 'Why you do it, for auditors; the log keeps it as it is',
  },
} as const

/** @throws UsageError when the reason is too long */
export function plainActor({ reason }: { readonly reason?: string | undefined }): Actor {
  return {
    id: 'cli',
    reason: reason === undefined ? undefined : parseText('--reason', reason, 1_000),
  }
}
