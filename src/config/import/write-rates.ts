/**
 * Writes rates by model into the price of a route, in the text of a configuration: only the price is written again, with the
 * comments in it, and every other byte stays.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import { isMapping } from '../../lib/is-mapping.ts'
import type { TokenPrice } from '../../pricing/rules/per-token.ts'
import type { KindRates } from '../../pricing/token-kinds.ts'
import { readYaml } from '../yaml-file.ts'

/** Why rates cannot be written there. */
export class RatesError extends Error {}

/** A file that rates were taken from, and the models that they are of. */
type CatalogueEntry = NonNullable<TokenPrice['catalogue']>[number]

interface RatesToWrite {
  readonly rates: Readonly<Record<string, KindRates>>
  readonly catalogue: CatalogueEntry
}

export interface WrittenRates {
  readonly text: string
  /** Other routes that change with it, because they have the price, or a part of it, by an anchor. */
  readonly alsoChanged: readonly string[]
}

/**
 * The text with the rates in the table of the route's price per token. Those of other models in the table stay.
 * @param text YAML without a fault
 * @throws RatesError when the route has no price per token, or one whose other rates could not stay
 */
export function writeRates(text: string, routeId: string, imported: RatesToWrite): WrittenRates {
  const document = parseDocument(text, { prettyErrors: false })
  const route = document.getIn(['routes', routeId])
  if (!isMap(route)) throw new RatesError(`there is no route ${routeId}`)
  const pair = route.items.find(({ key }) => isScalar(key) && key.value === 'price')
  const component = pair && tokenComponent(pair.value)
  if (!pair || !component || !isScalar(pair.key)) {
    throw new RatesError(
      `routes.${routeId} has no price \`per: token\` of its own, with \`hold\`. Write one with \`perMillion: 1\`, which the import replaces`,
    )
  }
  const fault = tableFault(component.toJS(document))
  if (fault !== undefined) throw new RatesError(`routes.${routeId}.price ${fault}`)
  const start = pair.key.range?.[0] ?? 0
  const end = lastLineEnd(pair.value, text)
  addRates(document, component, imported)
  const column = start - (text.lastIndexOf('\n', start - 1) + 1)
  const printed = printPrice(pair, route.flow === true).replaceAll('\n', `\n${' '.repeat(column)}`)
  const lineEnd = text.slice(start, end).endsWith('\n') ? '\n' : ''
  const changed = text.slice(0, start) + printed + lineEnd + text.slice(end)
  return { text: changed, alsoChanged: otherChangedRoutes(text, changed, routeId) }
}

function tokenComponent(price: unknown): YAMLMap | undefined {
  const components = isSeq(price) ? price.items : [price]
  return components.filter(isMap).find((component) => component.get('per') === 'token')
}

/** Why rates by model cannot join those that stand there; undefined where they can. */
function tableFault({ by, credits }: Record<string, unknown>): string | undefined {
  if (isMapping(credits)) {
    return 'has a table of `credits`, which rates per million cannot join: write it as `perMillion`, or take it out'
  }
  if (by === undefined || namesTheModel(by)) return undefined
  return 'goes `by` something that is not the model, and rates by model cannot join its table'
}

/** Whether it is called as the model is: `/model`, `/modelId`, `{ parameter: model }`, `{ query: model_name }`. */
function namesTheModel(by: unknown): boolean {
  const name = isMapping(by) ? (by.query ?? by.parameter) : by
  return typeof name === 'string' && /(^|\/)model(_?(id|name))?$/i.test(name)
}

function addRates(
  document: Document,
  component: YAMLMap,
  { rates, catalogue }: RatesToWrite,
): void {
  for (const name of ['credits', 'unit']) component.delete(name)
  // Rates that no value chooses are no table. One that stands elsewhere, by an anchor, is copied.
  const { by, perMillion } = component.toJS(document)
  const existing = by !== undefined && isMapping(perMillion) ? perMillion : {}
  const hasOwnTable = by !== undefined && isMap(component.get('perMillion'))
  if (by === undefined) component.set('by', '/model')
  if (!hasOwnTable) setTable(component, document.createNode(existing))
  const table = component.get('perMillion') as YAMLMap
  table.flow = false
  for (const [model, of] of Object.entries(rates)) {
    table.set(model, document.createNode(of, { flow: true }))
  }
  const entries = [...otherEntries(component.toJS(document), catalogue), catalogue]
  const lines = entries.map((entry) => document.createNode(entry, { flow: true }))
  component.set('catalogue', document.createNode(lines))
}

/** What the price says of other models that are still in its table. */
function otherEntries(
  { catalogue, perMillion }: Record<string, unknown>,
  { models: imported }: CatalogueEntry,
): CatalogueEntry[] {
  const entries: unknown[] = Array.isArray(catalogue) ? catalogue : []
  const inTable = (model: string) => isMapping(perMillion) && Object.hasOwn(perMillion, model)
  return (entries as CatalogueEntry[])
    .map((entry) => ({
      ...entry,
      models: entry.models.filter((model) => !imported.includes(model) && inTable(model)),
    }))
    .filter(({ models }) => models.length > 0)
}

function setTable(component: YAMLMap, table: Node): void {
  table.commentBefore = component.get('perMillion', true)?.comment ?? null
  component.set('perMillion', table)
}

/**
 * Where the last line of a value ends. Comments in the lines below it stay where they are, whosever they are, so they are
 * taken off the value, which would be printed with them.
 */
function lastLineEnd(node: unknown, text: string): number {
  if (!isNode(node)) return 0
  if (isCollection(node) && node.flow !== true) {
    const last = node.items.at(-1)
    const inner = isPair(last) ? (last.value ?? last.key) : last
    node.comment = null
    return lastLineEnd(inner, text)
  }
  const end = node.range?.[1] ?? 0
  const [behind = '', comment] = /^[ \t]*#([^\r\n]*)/.exec(text.slice(end)) ?? []
  node.comment = comment ?? null
  return end + behind.length
}

function printPrice(pair: Pair<unknown, unknown>, isFlow: boolean): string {
  if (isMap(pair.value) || isSeq(pair.value)) pair.value.flow = isFlow
  const printing = new Document()
  const map = printing.createNode({}) as YAMLMap
  map.items.push(new Pair(pair.key, pair.value))
  map.flow = isFlow
  printing.contents = map as never
  const printed = printing.toString({ lineWidth: 0, singleQuote: true }).trimEnd()
  return isFlow ? printed.replace(/^\{\s*/, '').replace(/\s*\}$/, '') : printed
}

/** None where the price had the anchor of what is elsewhere: then the text can no longer be read, and whoever reads it says so. */
function otherChangedRoutes(before: string, after: string, routeId: string): string[] {
  const [old, changed] = [before, after].map((text) => routesIn(readYaml(text).value))
  return Object.keys(changed ?? {}).filter(
    (id) => id !== routeId && !isDeepStrictEqual(old?.[id], changed?.[id]),
  )
}

function routesIn(file: unknown): Readonly<Record<string, unknown>> {
  return isMapping(file) && isMapping(file.routes) ? file.routes : {}
}
