/** The tokens of a call by its whole response, which is no stream. */
import type { RequestContent } from '../../pricing/price-kind.ts'
import { requestTokens, type TokenPrice } from '../../pricing/rules/per-token.ts'
import { statedUsage } from '../../pricing/stated-usage.ts'
import type { Provider } from '../../providers/provider.ts'
import { isPlaceholder } from './placeholder-usage.ts'

/**
 * What the response states. Of a provider's response whose usage cannot be meant, or which states none, the text is counted
 * by its bytes, with those of the request.
 * @returns 0 where nothing was sold; undefined where it cannot be told
 */
export function responseTokens(
  price: TokenPrice,
  request: RequestContent,
  json: unknown,
  provider: Provider | undefined,
): number | undefined {
  const stated = statedUsage(price.settle, json)?.tokens
  if (!provider) return stated
  const bytes = provider.textBytes(json)
  if (bytes === 0) return stated ?? (provider.isEmpty(json) ? 0 : undefined)
  if (stated !== undefined && !isPlaceholder(stated, json, provider)) return stated
  const counted = requestTokens(price, request) + Math.ceil(bytes / price.hold.bytesPerToken)
  return Math.max(counted, stated ?? 0)
}
