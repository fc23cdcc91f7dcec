/** Reads what a call counts: `--quantity 2500`, or `--quantity images=2,pixels=300` with `--by fine`. */
import type { Counted } from '../../../events/counted.ts'
import { UsageError } from '../usage-error.ts'
import { parseAmount, parseList } from './option-values.ts'

/** @throws UsageError for what is neither a number nor a list of names with their numbers */
export function parseCounted(quantity = '1', by?: string): Counted {
  const chosen = by === undefined ? {} : { by }
  if (!quantity.includes('=')) {
    return { quantity: parseAmount('--quantity', quantity, 0), ...chosen }
  }
  const parts = (parseList(quantity) ?? []).map((part): [string, number] => {
    const [name = '', ...count] = part.split('=')
    return [name, parseAmount(`--quantity ${name}`, count.join('='), 0)]
  })
  if (new Set(parts.map(([name]) => name)).size < parts.length) {
    throw new UsageError('--quantity says a component twice.')
  }
  return { quantity: 1, parts: Object.fromEntries(parts), ...chosen }
}
