/** The API key of a `tollbook up`: the one of the last start while it works, otherwise a new one. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { hashKey } from '../../gate/authenticate/key-format.ts'
import { openManagementCommands } from '../../ledger/commands/management-commands.ts'
import { connect, maxLockWaitMs } from '../../ledger/connect.ts'
import { readKeyByHash } from '../../ledger/read/read-key-by-hash.ts'
import { secureRandom } from '../../lib/base62.ts'
import { isRefused } from '../../management/decision.ts'
import type { TariffStatus } from '../../management/manage-tariffs.ts'
import { type Management, openManagement } from '../../management/management.ts'

/** The user whose account the key belongs to. */
export const demoOwner = 'demo-owner'

export interface DemoKey {
  readonly apiKey: string
  readonly keyId: string
  readonly accountId: string
}

/**
 * @param file where the key is kept between two starts
 * @returns the key, and whether the configuration's prices and plans are in force
 */
export async function loadOrCreateKey(
  config: Config,
  environment: Environment,
  databaseUrl: string,
  file: string,
): Promise<{ readonly key: DemoKey; readonly tariff: TariffStatus }> {
  const connection = { url: databaseUrl, max: 2, lockTimeoutMs: maxLockWaitMs } as const
  const sql = connect({ ...connection, as: 'management' })
  const callsSql = connect({ ...connection, as: 'calls' })
  try {
    const management = openManagement({
      sql,
      commands: openManagementCommands(sql, 'up'),
      config,
      prefixes: environment.keyPrefixes,
      random: secureRandom,
    })
    const tariff = await management.ensureTariff()
    const saved = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
    const record = saved ? await readKeyByHash(callsSql, hashKey(saved)) : undefined
    if (saved && record && !record.revokedAt && record.enabled) {
      const { keyId, accountId } = record
      return { key: { apiKey: saved, keyId, accountId }, tariff }
    }
    const key = await createKey(config, management)
    writeFileSync(file, `${key.apiKey}\n`, { mode: 0o600 })
    return { key, tariff }
  } finally {
    await Promise.all([sql.end(), callsSql.end()])
  }
}

/** The account of the key is put on the first plan that allows every call. */
async function createKey(config: Config, management: Management): Promise<DemoKey> {
  const actor = { id: 'cli' }
  const request = { name: 'Ready-made key', mode: 'live' as const }
  const issued = await management.issueKey({ kind: 'user', id: demoOwner }, request, actor)
  if (isRefused(issued)) throw new Error(`no key could be issued: ${issued.refused}`)
  const { key: apiKey, view } = issued
  const plan = Object.entries(config.plans).find(([, { endpoints }]) => endpoints === 'all')?.[0]
  if (plan) await management.changeAccount(view.accountId, { plan }, actor)
  return { apiKey, keyId: view.keyId, accountId: view.accountId }
}
