/** A YAML file as plain data, with the line of each field. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { ConfigProblem, Path } from './config-error.ts'
import { yamlFault } from './yaml-fault.ts'
import { takeJsonLines } from './yaml-json-lines.ts'

interface YamlFile {
  readonly value: unknown
  /** The first fault of the YAML itself: indentation, quotes, a field that stands twice. */
  readonly problems: readonly ConfigProblem[]
  /** The line, counted from 1, of a field, or of the nearest mapping or list around a missing one. */
  lineOf(path: Path): number | undefined
}

export function readYaml(text: string): YamlFile {
  const json = takeJsonLines(text)
  if (json === undefined) return readPlain(text)
  const file = readPlain(json.text)
  if (file.problems.length > 0) return readPlain(text)
  const value = json.fill(file.value)
  return value === undefined ? readPlain(text) : { ...file, value }
}

function readPlain(text: string): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problems: ConfigProblem[] = []
  const fault = yamlFault(document, text, lines)
  if (fault !== undefined) {
    problems.push({ path: '', message: `not YAML: ${fault.message}`, line: fault.line })
  }
  let value: unknown
  try {
    if (problems.length === 0) value = document.toJS()
  } catch (error) {
    // An alias without its anchor, or more aliases than an honest file has.
    const reason = error instanceof Error ? error.message : String(error)
    problems.push({ path: '', message: `not YAML: ${reason}` })
  }

  function lineOf(path: Path): number | undefined {
    let node: unknown = document.contents
    let offset: number | undefined
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(document)
      const found = childOf(node, step)
      if (found === undefined) break
      offset = found.offset ?? offset
      node = found.node
    }
    return offset === undefined ? undefined : lines.linePos(offset).line
  }

  return { value, problems, lineOf }
}

function childOf(node: unknown, step: string | number) {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
    if (pair) return { node: pair.value, offset: (pair.key as Node).range?.[0] }
  }
  if (isSeq(node)) {
    const item = node.items[Number(step)] as Node | undefined
    if (item) return { node: item, offset: item.range?.[0] }
  }
  return undefined
}
