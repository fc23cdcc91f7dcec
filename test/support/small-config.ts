/** A very small configuration, for tests that break it or add to it. */
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/load-config.ts'

export const smallConfig = `services:
  echo: { url: http://127.0.0.1:9 }
plans:
  pro:
    rateLimit: 10
    windowMs: 60000
    credits: 100
    maxInFlight: 5
    endpoints: [echo]
    fee: { minorUnits: 0, currency: EUR }
defaultPlan: pro
routes:
  say:
    method: POST
    path: /v1/say
    summary: Say it
    service: echo
    upstreamPath: /say
    request: { json: { type: object, required: [text], properties: { text: { type: string } } } }
    price: { per: request, credits: 1 }
`

/** The small configuration with one passage replaced by another. */
export function withChange(from: string, to: string): string {
  if (!smallConfig.includes(from)) throw new Error(`The small configuration has no ${from}`)
  return smallConfig.replace(from, to)
}

export function parse(text: string, env: Record<string, string> = {}): Config {
  return parseConfig({ text, source: 'test.yaml', env })
}
