/** The demo upstreams of a `tollbook up`. */
import type { Config } from '../../config/config.ts'
import {
  type DemoUpstreamName,
  demoUpstreamNames,
  startDemoUpstream,
} from '../../demo/start-demo-upstream.ts'

export interface DemoUpstream {
  readonly name: string
  readonly url: string
  stop(): Promise<void>
}

/** Starts a demo for every upstream of the configuration that lacks an address, for live keys or for test keys. */
export function startDemoUpstreams(config: Config): DemoUpstream[] {
  const names = new Set<DemoUpstreamName>()
  for (const { urls, testUrl, demo } of Object.values(config.services)) {
    if (demo && isDemo(demo) && !(urls.length > 0 && testUrl)) names.add(demo)
  }
  return [...names].map((name) => ({ name, ...startDemoUpstream(name) }))
}

function isDemo(name: string): name is DemoUpstreamName {
  return (demoUpstreamNames as readonly string[]).includes(name)
}
