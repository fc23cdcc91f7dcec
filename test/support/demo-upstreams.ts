/** All demo upstreams, for tests that use the shipped configuration. */
import {
  type DemoUpstream,
  type DemoUpstreamName,
  startDemoUpstream,
} from '../../src/demo/start-demo-upstream.ts'

/** Starts all of them, each on a free port of the loopback. */
export function startDemoUpstreams(): Record<DemoUpstreamName, DemoUpstream> {
  return {
    search: startDemoUpstream('search'),
    stt: startDemoUpstream('stt'),
    tts: startDemoUpstream('tts'),
    chat: startDemoUpstream('chat'),
    anything: startDemoUpstream('anything'),
  }
}
