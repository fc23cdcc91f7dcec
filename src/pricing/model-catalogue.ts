/**
 * Rates of models from a published catalogue: a JSON file in the shape of LiteLLM's `model_prices_and_context_window.json`, which
 * says for each model what a token costs, as in `"input_cost_per_token": 1.25e-06`. Numbers are read as they are written.
 */
import { maxAmount } from '../../events/bounds.ts'
import { ceiling, type Decimal, parseDecimal, product } from '../lib/decimal.ts'
import { isMapping } from '../lib/is-mapping.ts'
import type { KindRates } from './token-kinds.ts'

/** What a token of each kind costs. */
const kinds: Readonly<Record<string, keyof KindRates>> = {
  input_cost_per_token: 'input',
  cache_read_input_token_cost: 'cached',
  cache_creation_input_token_cost: 'cacheWrite',
  output_cost_per_token: 'output',
  output_cost_per_reasoning_token: 'reasoning',
}

interface CatalogueTerms {
  /** The models that are taken, by their names; `*` stands for any letters. */
  readonly only: readonly string[]
  /** Rates that no call of the route can come to, by their names; `*` stands for any letters. */
  readonly ignore: readonly string[]
  /** What the cost is multiplied by, such as 1.2. */
  readonly markup: Decimal
  /** How many credits one of the catalogue's currency is. */
  readonly credits: Decimal
}

export interface CatalogueRates {
  /** Credits for a million tokens, rounded up, by model. */
  readonly rates: Readonly<Record<string, KindRates>>
  /** What cannot be carried over, and why, in sentences that name the model. */
  readonly refused: readonly string[]
}

/** @throws SyntaxError when the text is not JSON */
export function catalogueRates(text: string, terms: CatalogueTerms): CatalogueRates {
  const models: unknown = JSON.parse(text, asWritten as never)
  const entries = Object.entries(isMapping(models) ? models : {})
  const rates: Record<string, KindRates> = {}
  const refused = terms.only
    .filter((name) => !entries.some(([model]) => matches(model, [name])))
    .map((name) => `${name}: is not in the file`)
  for (const [model, entry] of entries) {
    if (!matches(model, terms.only)) continue
    const found = ratesOf(isMapping(entry) ? entry : {}, terms)
    if (typeof found === 'string') refused.push(`${model}: ${found}`)
    else rates[model] = found
  }
  return { rates, refused }
}

/** Numbers as the texts that they are written as. */
function asWritten(_: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return typeof value === 'number' ? { number: source } : value
}

/** The model's rates, or why it has none that a price by kinds of tokens can say. */
function ratesOf(
  entry: Readonly<Record<string, unknown>>,
  terms: CatalogueTerms,
): KindRates | string {
  const costs = Object.entries(entry).filter(([name, value]) => isCost(name, value))
  const other = costs
    .map(([name]) => name)
    .filter((name) => !Object.hasOwn(kinds, name) && !matches(name, terms.ignore))
  if (other.length > 0) return `has rates that are not by the kind of token: ${other.join(', ')}`
  const rates: Partial<Record<keyof KindRates, number>> = {}
  for (const [name, value] of costs) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) continue
    const rate = perMillion(value, terms)
    if (rate === undefined) return `${name} is no cost of a token`
    rates[kind] = rate
  }
  const { input, output } = rates
  if (input === undefined) return 'says no input_cost_per_token'
  // An embedding has no output.
  const whole = { ...rates, input, output: output ?? 0 }
  if ((rates.reasoning ?? 0) > whole.output) {
    return 'output_cost_per_reasoning_token is more than output_cost_per_token'
  }
  return whole
}

/** Members with figures that say nothing of money. */
const harmless = [
  ...['max_*', 'output_vector_size', 'prompt_cache_min_tokens', 'tool_use_system_prompt_tokens'],
  ...['rpm', 'tpm', 'rpd', 'tpd', 'metadata'],
]

/**
 * Every member that says what something costs, or may: whatever has figures and is not known to be harmless, such as
 * `{ "fast": 6 }`, can be a multiplier. A kind of token that costs 0 does not cost as input does, so it is one, too.
 */
function isCost(name: string, value: unknown): boolean {
  if (value === null) return false
  if (Object.hasOwn(kinds, name)) return true
  if (numberIn(value)?.units === 0n) return false
  return /cost|pric|uplift|multiplier/.test(name) || (hasFigures(value) && !matches(name, harmless))
}

/** Numbers are objects here, with the text that they are written as. */
function hasFigures(value: unknown): boolean {
  return Array.isArray(value) ? value.some(hasFigures) : isMapping(value)
}

function perMillion(value: unknown, { markup, credits }: CatalogueTerms): number | undefined {
  const cost = numberIn(value)
  if (cost === undefined) return undefined
  const rate = ceiling(product([cost, markup, credits, { units: 1_000_000n, scale: 0 }]))
  return rate <= BigInt(maxAmount) ? Number(rate) : undefined
}

function numberIn(value: unknown): Decimal | undefined {
  const written = isMapping(value) ? value.number : undefined
  return typeof written === 'string' ? parseDecimal(written) : undefined
}

function matches(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[^A-Za-z0-9_]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`, 's').test(name)
  })
}
