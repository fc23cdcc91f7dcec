/**
 * Bounds of what events hold. The schemas of payloads, configuration and requests, and the ledger's SQL functions have
 * them from here. They are checked where something enters; what stands in a log already is read whatever it is.
 */

/** The largest amount: of credits, of a fee or payment in minor units, of what a call counts. */
export const maxAmount = 1_000_000_000_000

/**
 * What an account can have of unspent credits in a mode, its month's allowance aside, and what it can owe. With the
 * allowance, which is one amount, all of it together is a safe integer.
 */
export const maxUnspentCredits = 1_000_000_000_000_000

/** The longest payload and private text of an event, in bytes; of a tariff, which has the prices of all routes, the payload. */
export const maxPayloadBytes = 65_536
export const maxTariffBytes = 16_777_216

/** Times lie before this one, ISO 8601. */
export const timesEnd = '2200-01-01T00:00:00Z'

/** What an integer column of PostgreSQL holds. Limits of calls and lengths of time have such columns. */
export const maxInteger = 2_147_483_647

/** How many days a trial or a pack may be good. */
export const maxValidDays = 3_650

/** How many months what is left of an allowance may roll over. */
export const maxRolloverMonths = 120

/** The most days that an operator key lasts. */
export const maxOperatorKeyDays = 366
