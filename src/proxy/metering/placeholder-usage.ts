import { valueAt } from '../../lib/json-pointer.ts'
import type { Provider } from '../../providers/provider.ts'

/**
 * Whether a usage cannot be meant, given that text was sent: it is 0, or says that the response had no tokens.
 * @param stated the tokens in all that the JSON says
 */
export function isPlaceholder(stated: number, json: unknown, provider?: Provider): boolean {
  return stated === 0 || (provider !== undefined && valueAt(json, provider.responseUsage) === 0)
}
