/**
 * Templates of paths: `/v1/files/{id}`, `/v1/models/{model}:generate`, `/v1/repos/{owner}/contents/{path*}`. A template is
 * parsed once. It matches texts as they are written, byte for byte: nothing is decoded here.
 */

/** A literal text, or a parameter, which stands for one character or more. */
export type Piece = string | { readonly name: string }

export interface PathTemplate {
  /** As it was written. */
  readonly text: string
  /** The pieces of each segment; a tail is not among them. */
  readonly segments: readonly (readonly Piece[])[]
  /** The name of the parameter at the end that stands for one segment or more. */
  readonly tail?: string
  /** The names of the parameters in their order, the tail's last. */
  readonly names: readonly string[]
}

/** Thrown for a text that is not a template. Its message says what is wrong with it. */
export class TemplateError extends Error {}

/** What a literal may be made of. Whatever two readers could understand differently is left out. */
const literal = /^[A-Za-z0-9._~!$&()+,:=@-]*$/
const parameterName = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/

/** @throws TemplateError */
export function parsePathTemplate(text: string): PathTemplate {
  if (!text.startsWith('/')) throw new TemplateError('a path begins with /')
  if (text === '/') return { text, segments: [], names: [] }
  const names: string[] = []
  const segments: Piece[][] = []
  const written = text.slice(1).split('/')
  let tail: string | undefined
  for (const [index, segment] of written.entries()) {
    const tailName = /^\{([^{}]*)\*\}$/.exec(segment)?.[1]
    if (tailName === undefined) {
      segments.push(parseSegment(segment, names))
      continue
    }
    if (index < written.length - 1) {
      throw new TemplateError(`{${tailName}*} stands for the rest of the path, so it is its end`)
    }
    tail = addName(tailName, names)
  }
  return { text, segments, ...(tail !== undefined && { tail }), names }
}

/**
 * A template of a path that is made, and never matched: it may end with a slash, which is an empty segment then.
 *
 * @throws TemplateError
 */
export function parseTargetTemplate(text: string): PathTemplate {
  if (text === '/' || !text.endsWith('/')) return parsePathTemplate(text)
  const template = parsePathTemplate(text.slice(0, -1))
  if (template.tail !== undefined) {
    throw new TemplateError(`{${template.tail}*} stands for the rest of the path, so it is its end`)
  }
  return { ...template, text, segments: [...template.segments, []] }
}

function parseSegment(segment: string, names: string[]): Piece[] {
  if (segment === '') throw new TemplateError('a segment is empty')
  if (segment === '.' || segment === '..') {
    throw new TemplateError(`a segment is not ${segment}, which clients resolve`)
  }
  const pieces: Piece[] = []
  let rest = segment
  while (rest !== '') {
    const open = rest.indexOf('{')
    const text = open < 0 ? rest : rest.slice(0, open)
    if (!literal.test(text)) throw new TemplateError(wrongCharacter(text))
    if (text !== '') pieces.push(text)
    if (open < 0) break
    const close = rest.indexOf('}', open)
    if (close < 0) throw new TemplateError(`{ is not closed in ${segment}`)
    const name = rest.slice(open + 1, close)
    if (name.endsWith('*')) {
      throw new TemplateError(`{${name}} stands for the rest of the path, so it is a whole segment`)
    }
    if (typeof pieces.at(-1) === 'object') {
      throw new TemplateError(`two parameters of ${segment} have nothing between them`)
    }
    pieces.push({ name: addName(name, names) })
    rest = rest.slice(close + 1)
  }
  return pieces
}

function wrongCharacter(text: string): string {
  const wrong = [...text].find((character) => !literal.test(character))
  return `${JSON.stringify(wrong)} is not for paths, which have letters, digits, and -._~!$&()+,:=@`
}

function addName(name: string, names: string[]): string {
  if (!parameterName.test(name)) {
    const expected = 'letters, digits, - and _, with a letter first, at most 63'
    throw new TemplateError(`{${name}} is not named as parameters are: ${expected}`)
  }
  if (names.includes(name)) throw new TemplateError(`{${name}} stands there twice`)
  names.push(name)
  return name
}

/**
 * The texts that the parameters stand for in a path, in their order; undefined when the template does not match.
 * @param segments the path, split at its slashes, without the empty text before the first
 */
export function matchPath(
  { segments, tail }: PathTemplate,
  path: readonly string[],
): string[] | undefined {
  const count = segments.length
  if (tail === undefined ? path.length !== count : path.length <= count) return undefined
  const values: string[] = []
  for (let i = 0; i < count; i++) {
    if (!matchSegment(segments[i] as readonly Piece[], path[i] as string, values)) return undefined
  }
  if (tail !== undefined) values.push(path.slice(count).join('/'))
  return values
}

/**
 * Whether the pieces match the text; the parameters' texts are added to `values`. A parameter ends where the literal
 * after it first occurs, and the last one where the literal at the end begins.
 */
function matchSegment(pieces: readonly Piece[], text: string, values: string[]): boolean {
  let at = 0
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as Piece
    if (typeof piece === 'string') {
      if (!text.startsWith(piece, at)) return false
      at += piece.length
      continue
    }
    const next = pieces[i + 1] as string | undefined
    const end = next === undefined ? text.length : endOf(text, at, next, i + 2 === pieces.length)
    if (end <= at) return false
    values.push(text.slice(at, end))
    at = end
  }
  return at === text.length
}

function endOf(text: string, from: number, next: string, isLast: boolean): number {
  if (isLast) return text.endsWith(next) ? text.length - next.length : -1
  return text.indexOf(next, from + 1)
}

/** Makes paths of a template: `values` are the texts of its parameters by name, as they shall stand in the path. */
export function pathFiller({
  segments,
  tail,
}: PathTemplate): (values: Readonly<Record<string, string>>) => string {
  const pieces: Piece[] = segments.flatMap((segment): Piece[] => ['/', ...segment])
  if (tail !== undefined) pieces.push('/', { name: tail })
  return (values) => {
    let path = ''
    for (const piece of pieces) path += typeof piece === 'string' ? piece : values[piece.name]
    return path === '' ? '/' : path
  }
}
