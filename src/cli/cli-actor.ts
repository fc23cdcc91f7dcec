/** Names who changes something in the ledger at the command line. */
import type { Actor } from '../management/actor.ts'
import { parseText } from './options/option-values.ts'

/**
 * The log can never be changed, so its open part says only `cli`. The name of the operating system's user stands with
 * the reason, in the encrypted part that erasing an account destroys.
 */
export function cliActor({ reason }: { readonly reason?: string | undefined }): Actor {
  const who = `${userName()} at the command line`
  if (reason === undefined) return { id: 'cli', reason: who }
  return { id: 'cli', reason: `${parseText('--reason', reason, 1_000)} (${who})` }
}

/** The user as the operating system knows it. An environment variable could hold any name. */
function userName(): string {
  const id = Bun.which('id')
  const printed = id === null ? undefined : Bun.spawnSync([id, '-un'], { stderr: 'ignore' })
  // A container may have no such program, and its user may have no name.
  const name = printed?.success ? printed.stdout.toString().trim() : ''
  return name || `user ${process.getuid?.() ?? 'unknown'}`
}
