/**
 * The query of a call: read by its route's schema, and written again in one way, so that the upstream reads what was
 * checked. Names and values are decoded as forms are (a plus is a space).
 */
import type { QueryParameter, Route } from '../../config/config.ts'
import { type InvalidField, schemaCheck } from '../../config/json-schema.ts'
import { didYouMean } from '../../lib/did-you-mean.ts'
import { pointerStep, shortPointer } from '../../lib/json-pointer.ts'
import { readUrlValue, type UrlValue, urlTypeOf } from '../../lib/parameter-schemas.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'

type ReadQuery =
  | {
      readonly values: NonNullable<RequestContent['query']>
      /** With the `?` before it; empty for an empty query. */
      readonly written: string
    }
  | { readonly errors: readonly InvalidField[] }

/** Reads the text behind a `?`; undefined where there is none. */
export type QueryReader = (query: string | undefined) => ReadQuery

const maxErrors = 20

export function queryReader({ query: rules }: Pick<Route, 'query'>): QueryReader {
  if (rules === 'any') return readAny
  const parameters = new Map(Object.entries(rules ?? {}).map(([name, rule]) => [name, make(rule)]))
  const required = [...parameters].filter(([, { isRequired }]) => isRequired)
  const takesNone = parameters.size === 0
  const nothing: ReadQuery =
    required.length === 0
      ? { values: {}, written: '' }
      : { errors: required.map(([name]) => invalid(name, 'missing')) }
  return (query) => {
    if (query === undefined) return nothing
    if (takesNone) return { errors: [{ pointer: 'query', detail: 'this route takes no query' }] }
    return read(query, parameters)
  }
}

/** The client's own bytes, which the server has made a URL's: visible ASCII. */
function readAny(query: string | undefined): ReadQuery {
  if (query === undefined) return { values: {}, written: '' }
  if (/^[\x21-\x7e]*$/.test(query)) return { values: {}, written: `?${query}` }
  return { errors: [{ pointer: 'query', detail: 'has a character that no query may have' }] }
}

interface Parameter extends QueryParameter {
  readonly type: NonNullable<ReturnType<typeof urlTypeOf>>
  readonly check: ReturnType<typeof schemaCheck>
}

function make(rule: QueryParameter): Parameter {
  const type = urlTypeOf(rule.schema)
  if (type === undefined) throw new TypeError('a parameter of a query is a text, or a list of them')
  return { ...rule, type, check: schemaCheck(rule.schema) }
}

function read(query: string, parameters: ReadonlyMap<string, Parameter>): ReadQuery {
  const errors: InvalidField[] = []
  const values: Record<string, UrlValue | UrlValue[]> = Object.create(null)
  const written: string[] = []
  for (const piece of query.split('&')) {
    if (piece === '') continue
    const decoded = decodePiece(piece)
    if (decoded === undefined) {
      errors.push({ pointer: 'query', detail: 'not UTF-8, percent-encoded' })
      break
    }
    const [name, text] = decoded
    const parameter = parameters.get(name)
    const fault = parameter ? addValue(parameter, name, text, values) : unknown(name, parameters)
    if (fault !== undefined) errors.push(invalid(name, fault))
    else written.push(`${encodeURIComponent(name)}=${encodeURIComponent(text)}`)
    if (errors.length >= maxErrors) return { errors }
  }
  for (const [name, { isRequired, check }] of parameters) {
    if (name in values)
      errors.push(...check(values[name], true).map((error) => invalidValue(name, error)))
    else if (isRequired && !errors.some(({ pointer }) => pointer === pointerTo(name))) {
      errors.push(invalid(name, 'missing'))
    }
  }
  if (errors.length > 0) return { errors: errors.slice(0, maxErrors) }
  return { values, written: written.length === 0 ? '' : `?${written.join('&')}` }
}

/** The name and the value of `name=value`, decoded; undefined where they cannot be. */
function decodePiece(piece: string): [name: string, text: string] | undefined {
  const equals = piece.indexOf('=')
  const [name, text] = equals < 0 ? [piece, ''] : [piece.slice(0, equals), piece.slice(equals + 1)]
  try {
    return [decode(name), decode(text)]
  } catch {
    return undefined
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

/** Control characters that no text has, and the character that stands for bytes that were no text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are looked for
const unreadable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/

/** Adds a value to those of its parameter; returns what is wrong with it. */
function addValue(
  { type: { type, isList } }: Parameter,
  name: string,
  text: string,
  values: Record<string, UrlValue | UrlValue[]>,
): string | undefined {
  if (unreadable.test(text)) return 'has a character that no text has'
  const read = readUrlValue(type, text)
  if ('fault' in read) return read.fault
  const { value } = read
  const known = values[name]
  if (!isList && known !== undefined) return 'stands twice'
  if (Array.isArray(known)) known.push(value)
  else values[name] = isList ? [value] : value
  return undefined
}

function unknown(name: string, parameters: ReadonlyMap<string, Parameter>): string {
  const guess = didYouMean(name, [...parameters.keys()])
  return guess === undefined ? 'unknown parameter' : `unknown parameter, did you mean ${guess}?`
}

function invalid(name: string, detail: string): InvalidField {
  return { pointer: pointerTo(name), detail }
}

function invalidValue(name: string, { pointer, detail }: InvalidField): InvalidField {
  return { pointer: shortPointer(pointerTo(name) + pointer), detail }
}

/** `query/lang` */
function pointerTo(name: string): string {
  return shortPointer(`query${pointerStep(name)}`)
}
