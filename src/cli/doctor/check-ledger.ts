/** Checks the ledger: its schema, its upkeep by gateways, and whether its prices are those of the configuration. */
import type { Config } from '../../config/config.ts'
import { tariffHash, tariffOf } from '../../config/tariff.ts'
import { connect } from '../../ledger/connect.ts'
import { schemaFault } from '../../ledger/migrate/schema-compatibility.ts'
import { type LedgerState, readLedgerState } from '../../ledger/read/read-state.ts'
import {
  announcedTime,
  type PublishedTariff,
  readCurrentTariffs,
  readShardTariffs,
} from '../../ledger/read/read-tariffs.ts'
import {
  readUnknownTimeZones,
  type UnknownTimeZone,
} from '../../ledger/read/read-unknown-time-zones.ts'
import type { Role } from '../../ledger/roles.ts'
import { projectionLags } from '../../projector/catch-up.ts'
import { explainError } from '../explain-error.ts'
import { formatNumber, time } from '../output.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

/**
 * @param role one that the login may take
 * @param config absent when the configuration could not be read
 */
export async function checkLedger(
  url: string,
  role: Role,
  config: Config | undefined,
): Promise<Finding[]> {
  const sql = connect({ url, as: role, max: 1 })
  try {
    const fault = await schemaFault(sql, role)
    if (fault !== undefined)
      return [problem('ledger', fault, 'Run "tollbook migrate" as the owner.')]
    const [ledger, lags, shards, current, zones] = [
      await readLedgerState(sql),
      await projectionLags(sql),
      await readShardTariffs(sql),
      await readCurrentTariffs(sql),
      await readUnknownTimeZones(sql),
    ]
    return [
      ok('ledger', 'set up for this version'),
      log(ledger.heads),
      ledger.partitionsReady > 0
        ? ok('partitions', `${ledger.partitionsReady} ahead of the log`)
        : problem(
            'partitions',
            'none ahead of the log',
            'Run "tollbook migrate", and keep a gateway running: each makes partitions every minute.',
          ),
      overdue(ledger.overdueHolds),
      lag(Math.max(0, ...lags.map(({ seconds }) => seconds))),
      tariff(shards, current, config),
      budgets(zones),
    ]
  } catch (error) {
    return [problem('ledger', 'cannot be read', explainError(error))]
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function log(heads: LedgerState['heads']): Finding {
  const diverged = heads.find(({ divergence }) => divergence !== null)
  if (diverged) {
    return problem(
      'log',
      `not the one that a gateway has seen: ${diverged.divergence}`,
      'Nothing is sold. Restore a newer backup, or accept that what is missing is lost: tollbook restore --accept-loss --reason "…".',
    )
  }
  const ends = heads.map(({ shard, position }) => `${shard}-${position}`).join(', ')
  return ok('log', `ends at ${ends}`)
}

function overdue(holds: number): Finding {
  if (holds === 0) return ok('holds', 'none is overdue')
  return warning(
    'holds',
    `${formatNumber(holds)} overdue`,
    'Is a gateway running? Each expires them within seconds; credits stay held until then.',
  )
}

function lag(seconds: number): Finding {
  const found = `usage is ${seconds.toFixed(0)} s behind the log`
  if (seconds < 30) return ok('projections', found)
  return warning('projections', found, 'Is a gateway running? Each of them keeps usage up to date.')
}

function tariff(
  shards: readonly { readonly inForce: string | null }[],
  current: readonly PublishedTariff[],
  config: Config | undefined,
): Finding {
  if (shards.some(({ inForce }) => inForce === null)) {
    return problem(
      'tariff',
      'none is in force',
      'Publish one with "tollbook prices publish FILE", or start a gateway: the first one does.',
    )
  }
  const inForce = shards[0]?.inForce ?? ''
  const configured = config && tariffHash(tariffOf(config))
  const announced = configured && announcedTime(current, inForce, configured)
  if (config && announced) {
    const from = `${time(announced.toISOString())} UTC`
    return ok(
      'tariff',
      `${inForce.slice(0, 12)} is in force; ${config.file} comes into force at ${from}`,
    )
  }
  if (config && configured !== inForce) {
    return warning(
      'tariff',
      `what is in force differs from ${config.file}`,
      `If the gateways run with another file, pass it with --config. Otherwise "tollbook prices diff ${config.file}" shows the differences, and "tollbook prices publish ${config.file}" puts the file in force.`,
    )
  }
  return ok('tariff', `${inForce.slice(0, 12)} is in force`)
}

function budgets(unknown: readonly UnknownTimeZone[]): Finding {
  if (unknown.length === 0) return ok('budgets', 'PostgreSQL knows their time zones')
  const each = unknown.map(
    ({ timeZone, accounts, accountId }) =>
      `${timeZone} (${accounts === 1 ? accountId : `${accountId} and ${formatNumber(accounts - 1)} more`})`,
  )
  return warning(
    'budgets',
    `PostgreSQL does not know the time zone ${each.join(', ')}`,
    'They stay in force: each span follows the last one, by clocks that are never changed. Set them in another time zone, or install time-zone data that has it.',
  )
}
