/** What the simulated gateways sell. */
import { maxAmount } from '../../events/bounds.ts'
import { parse } from '../support/small-config.ts'

/** What a call of `tiered` costs, up to so many in a month; and any other. They are small, so that runs come over their ends. */
const tiers = [
  { upTo: 3, credits: 4 },
  { upTo: 9, credits: 3 },
]
const lastTier = 1

/** What the next call of `tiered` costs in a month that has had so many. */
export function tierAfter(volume: number): number {
  return tiers.find(({ upTo }) => volume < upTo)?.credits ?? lastTier
}

/** The most that a plan can give. */
const largest = maxAmount

export const config = parse(`
services:
  upstream: { url: http://upstream }
plans:
  small: ${plan(40, 8, 'trial: { credits: 20, days: 1 }, rollover: { max: 2, months: 1 }, overage: { max: 10, fee: { minorUnits: 5, currency: EUR }, per: 4 },')}
  large: ${plan(2_000, 200, 'firstMonth: prorated,')}
  largest: ${plan(largest, 200)}
defaultPlan: small
limits:
  upstreamTimeoutMs: 1000
  holdSeconds: 8
  fenceAfterSeconds: 10
  leaseIdleSeconds: 4
gateways: 1
routes:
  say:
    method: POST
    path: /v1/say
    summary: Say it
    service: upstream
    upstreamPath: /say
    request: { json: { type: object } }
    price: { per: request, credits: 3 }
  tiered:
    method: POST
    path: /v1/tiered
    summary: Say it, the more often the cheaper
    service: upstream
    upstreamPath: /tiered
    request: { json: { type: object } }
    price: { per: request, tiers: [${tiers.map(({ upTo, credits }) => `{ upTo: ${upTo}, credits: ${credits} }`).join(', ')}, { credits: ${lastTier} }] }
  chat:
    method: POST
    path: /v1/chat
    summary: Chat
    service: upstream
    upstreamPath: /chat
    timeoutMs: 7000
    request:
      json:
        type: object
        properties: { most: { type: integer, minimum: 1 }, stream: { type: boolean } }
    streams: { when: { pointer: /stream, equals: true } }
    response:
      json:
        type: object
        properties:
          usage: { type: object, properties: { total_tokens: { type: integer } } }
    price:
      per: token
      unit: 1
      credits: 1
      hold: { bytesPerToken: 1000, limit: [/most], most: 50, step: 8 }
      settle: { usage: /usage/total_tokens, each: [/text] }
`)

function plan(credits: number, maxInFlight: number, terms = ''): string {
  return `{ rateLimit: 1000, windowMs: 60000, credits: ${credits}, maxInFlight: ${maxInFlight},
    ${terms} endpoints: all, fee: { minorUnits: 0, currency: EUR } }`
}
