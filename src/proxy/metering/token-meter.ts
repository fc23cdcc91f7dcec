/**
 * Counts the tokens of an event stream. The text that it brings is counted by its bytes, and each event that brings
 * something is a token at least. A usage that the upstream states on the way only raises the count. When the stream has
 * ended, the last usage is what was used, unless it cannot be meant: it is 0, or more text came after it.
 *
 * An event that brings nothing to pay (a usage, the `[DONE]` at the end) waits. An event that brings something is sent at
 * once, because a reader is waiting for it.
 */
import type { Parts } from '../../../events/counted.ts'
import { valueAt } from '../../lib/json-pointer.ts'
import { textBytes } from '../../lib/text-bytes.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import { maxTokens } from '../../pricing/rule-fields.ts'
import { requestTokens, type TokenPrice } from '../../pricing/rules/per-token.ts'
import { largestOf, saidKinds, statedRequest, statedUsage } from '../../pricing/stated-usage.ts'
import { sumOf, tokenKinds } from '../../pricing/token-kinds.ts'
import type { Provider } from '../../providers/provider.ts'
import { dataOf, nameOf } from './event-stream.ts'
import type { Counted, Meter } from './meter.ts'
import { isPlaceholder } from './placeholder-usage.ts'

export class TokenMeter implements Meter {
  hasFailed = false
  private readonly price: TokenPrice
  private readonly provider: Provider | undefined
  /** What was used by the last time that a usage in all raised the count, and what came since. */
  private counted: number
  private events = 0
  private bytes = 0
  /** Anything to pay has come. */
  private hasSold = false
  /** The last usage that was stated, if it can be meant and nothing came after it. */
  private stated: number | undefined
  /** The kinds that were stated with it. */
  private kinds: Parts | undefined
  /** What the events so far say of each kind. */
  private said: Parts | undefined
  /** The request's tokens by kind, which some say before there is any text. */
  private ofRequest: Parts | undefined
  /** How many of those counted are the request's. */
  private requestTokens: number

  constructor(price: TokenPrice, request: RequestContent, provider: Provider | undefined) {
    this.price = price
    this.provider = provider
    this.counted = requestTokens(price, request)
    this.requestTokens = this.counted
  }

  get used(): number {
    return this.counted + Math.max(this.events, this.tokensOf(this.bytes))
  }

  get usedInAll(): number | undefined {
    // Without anything to pay, 0 says the same as nothing.
    return this.stated || (this.hasSold ? this.used : undefined)
  }

  get kindsInAll(): Parts | undefined {
    return this.stated ? this.kinds : this.kindsAt(this.used)
  }

  kindsAt(used: number): Parts | undefined {
    const { ofRequest } = this
    if (ofRequest === undefined) return undefined
    const output = used - this.requestTokens
    return output < 0 ? undefined : { ...ofRequest, output }
  }

  count(event: Uint8Array): Counted {
    const data = dataOf(event)
    if (data === undefined) return { isSold: false, isWithheld: false }
    const json = parsed(data)
    const isSold =
      json === undefined ? this.countUnread(event, data) : this.countText(this.textBytesOf(json))
    this.countUsage(json)
    if (!isSold) this.hasFailed ||= isError(event, json)
    return { isSold, isWithheld: !isSold }
  }

  /** What this gateway cannot read, the client may (NaN is a number to some parsers): all of it is text. */
  private countUnread(event: Uint8Array, data: string): boolean {
    const isMarker = data.trim() === '' || data.trim() === '[DONE]' || nameOf(event) === 'error'
    return !isMarker && this.countText(Buffer.byteLength(data))
  }

  /** @param bytes undefined: there is no text */
  private countText(bytes: number | undefined): boolean {
    if (bytes === undefined) return false
    this.events++
    this.bytes += bytes
    this.hasSold = true
    this.stated = undefined
    return true
  }

  private countUsage(json: unknown): void {
    const usage = statedUsage(this.price.settle, json, this.said)
    const canBeMeant =
      usage === undefined || !this.hasSold || !isPlaceholder(usage.tokens, json, this.provider)
    if (canBeMeant) this.countRequest(json)
    if (usage === undefined) return
    this.stated = canBeMeant ? usage.tokens : undefined
    this.kinds = usage.kinds
    this.raiseTo(usage.tokens)
  }

  /** Where nothing says a total, what is said of the request alone counts at once. */
  private countRequest(json: unknown): void {
    const { usage, kinds: pointers } = this.price.settle
    const said = pointers && saidKinds(pointers, json)
    if (!pointers || said === undefined) return
    this.said = largestOf(this.said, said)
    const ofRequest = statedRequest(pointers, this.said)
    const tokens = ofRequest && sumOf(ofRequest, tokenKinds)
    if (!tokens || tokens > maxTokens) return
    this.ofRequest = ofRequest
    if (usage === undefined) this.raiseRequestTo(tokens)
  }

  /** The text that came before stays counted. */
  private raiseRequestTo(tokens: number): void {
    if (tokens <= this.requestTokens) return
    this.counted += tokens - this.requestTokens
    this.requestTokens = tokens
  }

  private raiseTo(tokens: number): void {
    if (tokens <= this.used) return
    this.counted = tokens
    this.events = 0
    this.bytes = 0
    if (this.ofRequest) this.requestTokens = sumOf(this.ofRequest, tokenKinds)
  }

  private textBytesOf(json: unknown): number | undefined {
    const known = this.provider?.textBytes(json) ?? 0
    if (known > 0) return known
    const values = this.price.settle.each.map((at) => valueAt(json, at)).filter(isSomething)
    return values.length > 0 ? textBytes(values) : undefined
  }

  private tokensOf(bytes: number): number {
    return Math.ceil(bytes / this.price.hold.bytesPerToken)
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

function isError(event: Uint8Array, json: unknown): boolean {
  return isSomething(valueAt(json, '/error')) || nameOf(event) === 'error'
}

/** Neither absent nor empty: `""`, `[]` and null bring nothing. */
function isSomething(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== ''
}
