/** An app that describes its routes and serves none of them. */
import type { Config } from '../../src/config/config.ts'
import { type AppDeps, createApp } from '../../src/server/app.ts'

export function describedApp(config: Config) {
  return createApp({
    config,
    system: {},
    calls: { customer: {} },
    management: {},
    corsOrigins: [],
  } as unknown as AppDeps)
}
