/** What is wrong with a configuration: all of it at once, each problem with its line. */

import type { Fault } from '../lib/fault.ts'
import { printable } from '../lib/printable-text.ts'

/** From the root of the file to the field: names of mappings, indexes of lists. */
export type Path = readonly (string | number)[]

export interface ConfigProblem {
  /** The field, as in `plans.pro.rateLimit`; empty for the file as a whole. */
  readonly path: string
  /** What is wrong, as in `expected an integer ≥ 1, got "fast"`. */
  readonly message: string
  /** The line of the file, counted from 1. */
  readonly line?: number
}

/** Thrown for a configuration that cannot be used. Its message lists every problem, one a line. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  /** `source` names what was read: the file, or "environment". */
  constructor(source: string, problems: readonly ConfigProblem[]) {
    super([`${source} cannot be used:`, ...problems.map(printLine)].join('\n  '))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** A fault as a problem, with its line where that is known. */
export function problemOf({ path, message }: Fault, line?: number): ConfigProblem {
  return { path: printPath(path), message, ...(line !== undefined && { line }) }
}

/** `plans.pro.rateLimit: expected an integer ≥ 1, got "fast"` */
export function printProblem({ path, message }: ConfigProblem): string {
  return path === '' ? message : `${path}: ${message}`
}

function printLine(problem: ConfigProblem): string {
  return printProblem(problem) + (problem.line === undefined ? '' : ` (line ${problem.line})`)
}

/** `routes.extract.request.multipart.types[0]`; a name that would not read well that way is quoted. */
export function printPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    if (!/^[\w$/-]+$/.test(step)) return `${text}[${JSON.stringify(step)}]`
    return text === '' ? step : `${text}.${step}`
  }, '')
}

/** A value as an error message shows it: short, and never a whole mapping. */
export function printValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const text = printable(JSON.stringify(value))
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text
}

/** `a, b or c` */
export function either(names: readonly string[]): string {
  const [last, ...others] = [...names].reverse()
  return others.length === 0 ? (last ?? '') : `${others.reverse().join(', ')} or ${last}`
}
