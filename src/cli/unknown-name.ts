/** The error for a name that does not exist: it suggests what was meant, or lists the names that exist. */
import { didYouMean } from '../lib/did-you-mean.ts'
import { UsageError } from './usage-error.ts'

/**
 * @param kind what the name should name, such as `route`
 * @param where ` in tollbook.yaml`, where that is not plain
 */
export function unknownName(
  kind: string,
  name: string,
  known: readonly string[],
  where = '',
): UsageError {
  const meant = didYouMean(name, known)
  const hint = meant ? `did you mean ${meant}?` : `there are ${known.join(', ')}.`
  return new UsageError(`there is no ${kind} ${name}${where}; ${hint}`)
}
