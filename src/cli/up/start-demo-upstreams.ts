/** The demo upstreams of a `tollbook up`. */
import type { Config } from '../../config/config.ts'
import { type DemoServiceName, demoServiceNames, startDemoService } from '../../demo/index.ts'

export interface DemoUpstream {
  readonly name: string
  readonly url: string
  stop(): Promise<void>
}

/** Starts a demo for every upstream of the configuration that lacks an address, for live keys or for test keys. */
export function startDemoUpstreams(config: Config): DemoUpstream[] {
  const names = new Set<DemoServiceName>()
  for (const { url, testUrl, demo } of Object.values(config.services)) {
    if (demo && isDemo(demo) && !(url && testUrl)) names.add(demo)
  }
  return [...names].map((name) => ({ name, ...startDemoService(name) }))
}

function isDemo(name: string): name is DemoServiceName {
  return (demoServiceNames as readonly string[]).includes(name)
}
