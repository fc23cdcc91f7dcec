/** Checks whether charges survive the loss of a machine, where there are standbys, and whether sales survive that of a standby. */
import type { Server } from '../../ledger/read/read-server.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import { parseStandbyNames, type StandbyNames } from './standby-names.ts'

const check = 'standbys'

/** @param hosts how many servers DATABASE_URL names: with several, one of them is to take over when another is lost */
export function checkStandbys(server: Server, { hosts }: { readonly hosts: number }): Finding {
  const { settings, standbys } = server
  const waited = parseStandbyNames(settings.synchronous_standby_names)
  if (waited.names.length === 0) return withoutWaiting(standbys, hosts)
  const isWaitedFor = (name: string) =>
    waited.names.includes('*') || waited.names.includes(name.toLowerCase())
  return waiting(waited, standbys.filter(isWaitedFor).length, server)
}

function withoutWaiting(standbys: readonly string[], hosts: number): Finding {
  const advice = `Set synchronous_standby_names = 'ANY 1 (${standbys.length > 1 ? quoted(standbys) : 'standby_1, standby_2'})'`
  if (hosts > 1) {
    return problem(
      check,
      `a commit waits for none, and DATABASE_URL names ${hosts} servers`,
      `${advice}: when a standby takes over, the newest charges are lost, and nothing is sold until their loss is accepted.`,
    )
  }
  if (standbys.length === 0) return ok(check, 'none')
  return warning(
    check,
    `a commit waits for none of ${standbys.join(', ')}`,
    `${advice}, if one of them is ever to take over: the newest charges would be lost. Where they only serve reports, this is well.`,
  )
}

function waiting(waited: StandbyNames, connected: number, { hasPatroni }: Server): Finding {
  const { count, method, names } = waited
  const found = `${method} ${count} of ${quoted(names)}, ${connected} connected`
  if (connected < count) {
    return problem(
      check,
      found,
      'Start them, or correct their names (application_name in their primary_conninfo): commits wait for them, and nothing is sold.',
    )
  }
  if (connected > count) return ok(check, found)
  if (names.includes('*')) return warning(check, found, `${noneToSpare} ${twoNames}`)
  // The primary may be among the names, so that it needs no change when another server takes over.
  if (names.length > count) return warning(check, found, `${noneToSpare} ${startMore}`)
  // It names one standby, and another one when that stops.
  if (hasPatroni) {
    return warning(check, found, 'When it stops, nothing is sold until Patroni has named another.')
  }
  return problem(check, found, `${noneToSpare} ${twoNames}`)
}

const noneToSpare = 'There is none to spare: when one of them stops, nothing is sold.'
const startMore = 'Start another of those that it names; the primary itself does not count.'
const twoNames =
  "Set synchronous_standby_names = 'ANY 1 (standby_1, standby_2)', and let both of them run."

/** As synchronous_standby_names takes them: a name that is no plain word needs quotes. */
function quoted(names: readonly string[]): string {
  return names
    .map((name) =>
      /^([a-z_][a-z0-9_]*|\*)$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`,
    )
    .join(', ')
}
