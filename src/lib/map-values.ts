/**
 * The record with each value converted. The result has no prototype: names such as a plan's come from requests, and
 * `constructor` is no plan.
 */
export function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  convert: (value: From, name: string) => To,
): Record<string, To> {
  const result: Record<string, To> = Object.create(null)
  for (const [name, value] of Object.entries(record)) result[name] = convert(value, name)
  return result
}
