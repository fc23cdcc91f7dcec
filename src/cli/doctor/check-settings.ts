/**
 * Checks what logins and the database were set to by `alter role` and `alter database`. A login may do that to itself, so a stolen one can,
 * too; the server's settings and those of this connection do not show it.
 */
import type { LoosenedSetting } from '../../ledger/read/read-loosened-settings.ts'
import { type Finding, ok, problem } from './finding.ts'

export function checkSettings(loosened: readonly LoosenedSetting[]): Finding {
  const check = 'login settings'
  if (loosened.length === 0) return ok(check, 'none breaks a promise')
  const found = loosened.map(({ object, setting }) => `${object} sets ${setting}`)
  const resets = loosened.map(({ reset }) => `${reset};`)
  return problem(
    check,
    found.join('; '),
    `Find out who set it: a stolen login can change its own settings. An administrator has to run:\n${resets.join('\n')}`,
  )
}
