/** A name that stands for nothing in the file. */
import { didYouMean } from '../../lib/did-you-mean.ts'
import type { Fault } from '../../lib/fault.ts'
import { either, printValue } from '../config-error.ts'

export function unknownName(
  path: (string | number)[],
  kind: string,
  name: string,
  known: readonly string[],
): Fault[] {
  if (known.includes(name)) return []
  const guess = didYouMean(name, known)
  const hint = guess === undefined ? `expected ${either(known)}` : `did you mean ${guess}?`
  return [{ path, message: `no such ${kind}: ${printValue(name)}, ${hint}` }]
}
