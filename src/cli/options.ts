/** Checks of options that citty leaves out: it ignores an option that it does not know. */
import { UsageError } from './errors.ts'

/**
 * Refuses what the command does not take: with a typo ignored, `--tset` would print the live statement.
 * @throws UsageError
 */
export function checkOptions(args: Record<string, unknown>, known: Record<string, unknown>): void {
  for (const name of Object.keys(args)) {
    if (name === '_') continue
    if (!(name in known)) throw new UsageError(`there is no option --${name}; see --help.`)
    if (args[name] === '') throw new UsageError(`--${name} needs a value.`)
  }
  const [word] = args._ as string[]
  if (word !== undefined) throw new UsageError(`what is "${word}"? Options begin with --.`)
}

/** The value as a whole number of at least 1. */
export function positiveInteger(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`--${name} takes a whole number of at least 1, not "${text}".`)
}
