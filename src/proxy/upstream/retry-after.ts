/** How long an upstream asks to be left alone, within bounds: a client that believed a day would be lost for a day. */

const maxSeconds = 3_600

/**
 * Whole seconds, from 1 to an hour; undefined where the header says nothing that can be read.
 * @param value of Retry-After: seconds, or a date
 */
export function retryAfter(value: string | null, nowMs: number): number | undefined {
  const text = value?.trim() ?? ''
  const isSeconds = /^\d{1,15}$/.test(text)
  const isDate = /^[A-Z][a-z]{2,8},? .*GMT$/.test(text)
  if (!isSeconds && !isDate) return undefined
  const seconds = isSeconds ? Number(text) : Math.ceil((Date.parse(text) - nowMs) / 1_000)
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), maxSeconds)
}
