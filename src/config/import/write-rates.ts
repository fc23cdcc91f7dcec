/**
 * Writes rates by model into the price of a route, in the text of a configuration: only the price is written again, with the
 * comments in it, and every other byte stays.
 */
import { Document, isMap, isScalar, isSeq, Pair, parseDocument, type YAMLMap } from 'yaml'
import type { TokenPrice } from '../../pricing/rules/per-token.ts'
import type { KindRates } from '../../pricing/token-kinds.ts'

/** Why rates cannot be written there. */
export class RatesError extends Error {}

interface RatesToWrite {
  readonly rates: Readonly<Record<string, KindRates>>
  readonly catalogue: NonNullable<TokenPrice['catalogue']>
}

/**
 * The text with the rates in the table of the route's price per token. Those of other models in the table stay.
 * @throws RatesError when the route has no price per token
 */
export function writeRates(text: string, routeId: string, imported: RatesToWrite): string {
  const document = parseDocument(text, { prettyErrors: false })
  const route = document.getIn(['routes', routeId])
  if (!isMap(route)) throw new RatesError(`there is no route ${routeId}`)
  const pair = route.items.find(({ key }) => isScalar(key) && key.value === 'price')
  const component = pair && tokenComponent(pair.value)
  if (!pair || !component || !isScalar(pair.key)) {
    throw new RatesError(
      `routes.${routeId}.price has no component \`per: token\`, with what is held for it, where it stands`,
    )
  }
  addRates(document, component, imported)
  const start = pair.key.range?.[0] ?? 0
  const end = (pair.value as YAMLMap).range?.[1] ?? 0
  const column = start - (text.lastIndexOf('\n', start - 1) + 1)
  const printed = printPrice(pair, route.flow === true).replaceAll('\n', `\n${' '.repeat(column)}`)
  const lineEnd = text.slice(start, end).endsWith('\n') ? '\n' : ''
  return text.slice(0, start) + printed + lineEnd + text.slice(end)
}

function tokenComponent(price: unknown): YAMLMap | undefined {
  const components = isSeq(price) ? price.items : [price]
  return components.filter(isMap).find((component) => component.get('per') === 'token')
}

function addRates(
  document: Document,
  component: YAMLMap,
  { rates, catalogue }: RatesToWrite,
): void {
  for (const name of ['credits', 'unit']) component.delete(name)
  // Rates that no value chooses are no table.
  const hasTable = component.has('by') && isMap(component.get('perMillion'))
  if (!component.has('by')) component.set('by', '/model')
  if (!hasTable) component.set('perMillion', document.createNode({}))
  const table = component.get('perMillion') as YAMLMap
  table.flow = false
  for (const [model, of] of Object.entries(rates)) {
    table.set(model, document.createNode(of, { flow: true }))
  }
  component.set('catalogue', document.createNode(catalogue, { flow: true }))
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
