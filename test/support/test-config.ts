/** The shipped configuration with a test's changes, and limits of management that tests do not reach. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Config } from '../../src/config/config.ts'
import { parseConfig, shippedConfigFile } from '../../src/config/load-config.ts'

/** Changes to the file: objects are merged, null removes a field, all else replaces. */
export type ConfigChanges = { readonly [field: string]: unknown }

/** Tests change more in a minute than an owner may. */
export const generousLimits = {
  maxOwnerRequestsPerMinute: 100_000,
  maxOwnerChangesPerMinute: 100_000,
  maxOperatorRequestsPerMinute: 100_000,
}

const shipped = merge(parse(readFileSync(shippedConfigFile, 'utf8')), { limits: generousLimits })

/** So that nothing is on lease a moment after a key's last call. */
const brief = { limits: { leaseIdleSeconds: 1 } }

/** @param upstream the address of all upstreams. Without it, demo services stand in, if they run. */
export function testConfig(changes: ConfigChanges = {}, upstream?: string): Config {
  const variables = ['SEARCH', 'STT', 'TTS', 'CHAT'].map((name) => `${name}_SERVICE_URL`)
  const env = upstream ? Object.fromEntries(variables.map((name) => [name, upstream])) : {}
  // JSON is YAML, too, and is read in half the time.
  const text = JSON.stringify(merge(merge(shipped, brief), changes))
  return parseConfig({ text, source: 'test.yaml', env })
}

function merge(document: unknown, changes: unknown): unknown {
  if (!isObject(changes)) return changes
  const result: Record<string, unknown> = isObject(document) ? { ...document } : {}
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) delete result[name]
    else result[name] = merge(result[name], change)
  }
  return result
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
