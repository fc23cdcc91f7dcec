/** What is wrong with the YAML of a file, in words for its author. Only the first fault: the parser loses its way there. */
import {
  type Document,
  isCollection,
  isScalar,
  type LineCounter,
  type Scalar,
  visit,
  type YAMLError,
} from 'yaml'

/** The first fault of the text and its line, counted from 1; undefined where there is none. */
export function yamlFault(
  document: Document,
  text: string,
  lines: LineCounter,
): { readonly message: string; readonly line: number } | undefined {
  const [first] = document.errors
  if (first === undefined) return undefined
  const lineAt = (offset: number) => lines.linePos(offset).line
  const [begin] = first.pos
  switch (first.code) {
    case 'BLOCK_AS_IMPLICIT_KEY': {
      const end = endOfKey(document.errors, begin)
      return end !== undefined && lineAt(end) > lineAt(begin)
        ? {
            message: 'indented deeper than the line above, which has its value already',
            line: lineAt(end),
          }
        : { message: 'a text with a colon and a space in it needs quotes', line: lineAt(begin) }
    }
    case 'MULTILINE_IMPLICIT_KEY':
      return { message: 'expected a name, a colon and a space', line: lineAt(begin) }
    case 'TAB_AS_INDENT':
      return { message: 'indented by a tab, expected spaces', line: lineAt(begin) }
    case 'DUPLICATE_KEY': {
      const [name] = /^[^:\n]*/.exec(text.slice(begin)) ?? ['']
      return { message: `${name.trim()} stands twice`, line: lineAt(begin) }
    }
    case 'BAD_INDENT': {
      if (!first.message.startsWith('Flow')) {
        const message =
          'not indented as the lines that it belongs to: it, or one above, stands too far left or right'
        return { message, line: lineAt(begin) }
      }
      const opened = openedBefore(document, begin)
      return { message: `a ${text[opened]} is not closed`, line: lineAt(opened) }
    }
    case 'BLOCK_IN_FLOW':
      return { message: 'expected a comma between two fields in braces', line: lineAt(begin) }
    case 'MISSING_CHAR':
      return { message: 'a quote is not closed', line: lineAt(openedBefore(document, begin)) }
    case 'BAD_SCALAR_START':
      return { message: `a text that begins with ${text[begin]} needs quotes`, line: lineAt(begin) }
    case 'UNEXPECTED_TOKEN': {
      const message =
        'something stands behind a value that has ended: a text that begins with {, [, *, & or ! needs quotes'
      return { message, line: lineAt(begin) }
    }
    default:
      return { message: first.message, line: lineAt(begin) }
  }
}

/** Where the text that was taken for a name ends: the parser says it in an error of its own. */
function endOfKey(errors: readonly YAMLError[], begin: number): number | undefined {
  return errors.find(({ code, pos }) => code === 'MULTILINE_IMPLICIT_KEY' && pos[0] === begin)
    ?.pos[1]
}

/** The brace, bracket or quote that was opened last before a place and not closed until there. */
function openedBefore(document: Document, offset: number): number {
  let opened = -1
  visit(document, {
    Node(_, node) {
      const [begin = 0, , end = offset] = node.range ?? []
      const isOne = isCollection(node) ? node.flow : isScalar(node) && isQuoted(node)
      if (isOne && begin <= offset && begin >= opened && end >= offset) opened = begin
    },
  })
  return opened < 0 ? offset : opened
}

function isQuoted({ type }: Scalar): boolean {
  return type === 'QUOTE_SINGLE' || type === 'QUOTE_DOUBLE'
}
