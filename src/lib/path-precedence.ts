/** Which of two templates has a path that both match: a literal wins over a parameter, a parameter over a tail. */
import { matchPath, type PathTemplate, type Piece } from './path-template.ts'

/** Whether some path may match both. Of segments with several parameters it is not looked at too closely: true. */
export function overlaps(a: PathTemplate, b: PathTemplate): boolean {
  const [short, long] = a.segments.length <= b.segments.length ? [a, b] : [b, a]
  const counts = [short.segments.length, long.segments.length] as const
  // A tail has one segment at least.
  const fits =
    short.tail === undefined
      ? counts[0] === counts[1] && long.tail === undefined
      : counts[1] > counts[0] || long.tail !== undefined
  return (
    fits &&
    short.segments.every((pieces, i) => segmentsOverlap(pieces, long.segments[i] as Piece[]))
  )
}

function segmentsOverlap(a: readonly Piece[], b: readonly Piece[]): boolean {
  if (isLiteral(a) && isLiteral(b)) return a[0] === b[0]
  if (isLiteral(a)) return matchesText(b, textOf(a))
  if (isLiteral(b)) return matchesText(a, textOf(b))
  const starts = [literalAt(a, 0), literalAt(b, 0)] as const
  const ends = [literalAt(a, -1), literalAt(b, -1)] as const
  return (
    (starts[0].startsWith(starts[1]) || starts[1].startsWith(starts[0])) &&
    (ends[0].endsWith(ends[1]) || ends[1].endsWith(ends[0]))
  )
}

function matchesText(pieces: readonly Piece[], text: string): boolean {
  return matchPath({ text: '', segments: [pieces], names: [] }, [text]) !== undefined
}

function literalAt(pieces: readonly Piece[], index: 0 | -1): string {
  const piece = pieces.at(index)
  return typeof piece === 'string' ? piece : ''
}

/**
 * Sorts the template first that has a path which both match; 0 where they have equal right to it. The first segment in
 * which they differ decides: a literal comes before a parameter with a literal around it (the longer literal first),
 * that before a parameter alone, and a tail is last.
 */
export function comparePrecedence(a: PathTemplate, b: PathTemplate): number {
  const count = Math.max(a.segments.length, b.segments.length)
  for (let i = 0; i < count; i++) {
    const difference = weightOf(b.segments[i]) - weightOf(a.segments[i])
    if (difference !== 0) return difference
  }
  return (a.tail === undefined ? 0 : 1) - (b.tail === undefined ? 0 : 1)
}

/** More than a segment can be long. */
const ofLiteral = 1_000_000

/** @param pieces undefined: the segment belongs to a tail */
function weightOf(pieces: readonly Piece[] | undefined): number {
  if (pieces === undefined) return -1
  return isLiteral(pieces) ? ofLiteral : textOf(pieces).length
}

/** The template without the names of its parameters: templates of one form match the same paths. */
export function formOf({ segments, tail }: PathTemplate): string {
  const texts = segments.map((pieces) =>
    pieces.map((piece) => (typeof piece === 'string' ? piece : '{}')).join(''),
  )
  return ['', ...texts, ...(tail === undefined ? [] : ['{*}'])].join('/')
}

export function isLiteral(pieces: readonly Piece[]): boolean {
  return pieces.every((piece) => typeof piece === 'string')
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.filter((piece) => typeof piece === 'string').join('')
}
