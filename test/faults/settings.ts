/** The configuration under which faults strike: the shipped one, with short times and narrow limits. */
import { type Tariff, tariffOf } from '../../src/config/tariff.ts'
import { chatConfig, tokenPrice } from '../support/chat.ts'
import { type ConfigChanges, testConfig } from '../support/test-config.ts'

/** How many calls a narrow rate limit permits, and its span. */
export const narrow = { rateLimit: 12, windowMs: 1_500 }
/** Gateways that count as sharing a limit while Redis is away: two that are asked, and one more for races. */
export const gateways = 3
/** How long any upstream may take. */
export const timeoutMs = 2_000
/** How long the ledger keeps a hold: an upstream's time and half a minute (see `holdSeconds` in src/gate/gate.ts). */
export const holdSeconds = timeoutMs / 1_000 + 30
/** A lease, which calls begin on for a minute at most (see `acceptanceMs` in src/gate/reservation/lease-policy.ts). */
export const longestHoldSeconds = holdSeconds + 60

/** After so long a silence a gateway is fenced. */
export const fenceAfterSeconds = 10

const plan = {
  ...{ rateLimit: 1_000_000, windowMs: 1_500, credits: 5_000_000, maxInFlight: 100_000 },
  ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
}

const withChat = chatConfig({ price: tokenPrice, timeoutMs })

export const config: ConfigChanges = {
  ...withChat,
  gateways,
  plans: {
    wide: plan,
    tight: { ...plan, credits: 60 },
    narrow: { ...plan, ...narrow },
    one: { ...plan, credits: 1 },
    nothing: { ...plan, credits: 0 },
  },
  limits: { holdSeconds: 5, upstreamTimeoutMs: timeoutMs, fenceAfterSeconds },
  refunds: { unknownDelivery: 'customer' },
  routes: {
    ...withChat.routes,
    extract: { timeoutMs },
    'extract-bulk': { timeoutMs },
    'stt-transcribe': { timeoutMs },
    'tts-synthesize': { timeoutMs },
  },
}

export const tariff: Tariff = tariffOf(testConfig(config))
