/**
 * Finds the entry of a path among templates. A path without parameters is looked up as it is. For the others memoirist
 * (the router of Elysia: a radix tree) finds the shape of the path, in which a segment with a parameter is any segment.
 * With each shape stand the few templates that can match paths of it, the one with precedence first, and the first that
 * matches is the one.
 */
import { Memoirist } from 'memoirist'
import { comparePrecedence, isLiteral, overlaps } from '../../lib/path-precedence.ts'
import { matchPath, type PathTemplate } from '../../lib/path-template.ts'

export interface FoundPath<Entry> {
  readonly entry: Entry
  /** What the parameters stand for, in their order, as the path has it: nothing is decoded. */
  readonly texts: readonly string[]
}

interface Templated<Entry> {
  readonly template: PathTemplate
  readonly entry: Entry
}

/** @param entries of templates that differ in more than the names of their parameters */
export function pathRouter<Entry>(
  entries: readonly Templated<Entry>[],
): (path: string) => FoundPath<Entry> | undefined {
  const exact = new Map<string, FoundPath<Entry>>()
  const templated: Templated<Entry>[] = []
  for (const one of entries) {
    const { template, entry } = one
    if (template.names.length === 0) exact.set(template.text, { entry, texts: [] })
    else templated.push(one)
  }
  if (templated.length === 0) return (path) => exact.get(path)

  const shapes = new Memoirist<readonly Templated<Entry>[]>()
  for (const shape of new Map(templated.map(({ template }) => [shapeOf(template), template]))) {
    const [pattern, template] = shape
    const any = anyOf(template)
    const candidates = templated.filter((other) => overlaps(any, other.template))
    candidates.sort((a, b) => comparePrecedence(a.template, b.template))
    shapes.add('', pattern, candidates)
  }
  return (path) => {
    const known = exact.get(path)
    if (known !== undefined) return known
    const candidates = shapes.find('', path)?.store
    if (candidates === undefined) return undefined
    const segments = path.slice(1).split('/')
    for (const { template, entry } of candidates) {
      const texts = matchPath(template, segments)
      if (texts !== undefined) return { entry, texts }
    }
    return undefined
  }
}

/** The template with each segment that is no plain literal standing for any segment. */
function anyOf(template: PathTemplate): PathTemplate {
  const segments = template.segments.map((pieces) =>
    isLiteral(pieces) && !hasColon(pieces) ? pieces : [{ name: '' }],
  )
  return { ...template, segments }
}

/** As memoirist writes it. To it a colon begins a parameter, so a literal with a colon is any segment, too. */
function shapeOf(template: PathTemplate): string {
  const { segments, tail } = anyOf(template)
  const steps = segments.map((pieces) => (isLiteral(pieces) ? pieces.join('') : ':any'))
  return ['', ...steps, ...(tail === undefined ? [] : ['*'])].join('/')
}

function hasColon(pieces: PathTemplate['segments'][number]): boolean {
  return pieces.some((piece) => typeof piece === 'string' && piece.includes(':'))
}
