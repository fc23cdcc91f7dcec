/**
 * The query of a call: read by its route's schema, and written again in one way, so that the upstream reads what was
 * checked. Names and values are decoded as forms are (a plus is a space).
 */
import type { Route } from '../../config/config.ts'
import type { InvalidField, JsonSchema } from '../../config/json-schema.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import { type Field, readFields } from './form-fields.ts'

type ReadQuery =
  | {
      readonly values: NonNullable<RequestContent['query']>
      /** With the `?` before it; empty for an empty query. */
      readonly written: string
    }
  | { readonly errors: readonly InvalidField[] }

/** Reads the text behind a `?`; undefined where there is none. */
export type QueryReader = (query: string | undefined) => ReadQuery

export function queryReader({ query: schema }: Pick<Route, 'query'>): QueryReader {
  if (schema === undefined) return refuseQuery
  return schema === 'any' ? passOn : readerBy(schema)
}

const empty: ReadQuery = { values: {}, written: '' }

function refuseQuery(query: string | undefined): ReadQuery {
  return query === undefined ? empty : fault('this route takes no query')
}

/** The client's own bytes, which the server has made a URL's: visible ASCII. */
function passOn(query: string | undefined): ReadQuery {
  if (query === undefined) return empty
  if (!/^[\x21-\x7e]*$/.test(query)) return fault('has a character that no query may have')
  return { values: {}, written: `?${query}` }
}

function readerBy(schema: JsonSchema): QueryReader {
  return (query = '') => {
    const sent = decodeFields(query)
    if (sent === undefined) return fault('not UTF-8, percent-encoded')
    const read = readFields(sent, schema, true)
    if ('faults' in read) return { errors: read.faults.map(ofQuery) }
    const written = sent.map((field) => field.map(encodeURIComponent).join('=')).join('&')
    return { values: read.values, written: written === '' ? '' : `?${written}` }
  }
}

/** The names and values of `a=1&b=2`, decoded; undefined where they cannot be. */
function decodeFields(query: string): Field[] | undefined {
  const fields: Field[] = []
  for (const piece of query.split('&')) {
    if (piece === '') continue
    const at = piece.indexOf('=')
    const name = decode(at < 0 ? piece : piece.slice(0, at))
    const value = at < 0 ? '' : decode(piece.slice(at + 1))
    if (name === undefined || value === undefined) return undefined
    fields.push([name, value])
  }
  return fields
}

function decode(text: string): string | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
  // It stands for bytes that were no text.
  return decoded.includes('\ufffd') ? undefined : decoded
}

function ofQuery({ pointer, detail }: InvalidField): InvalidField {
  return {
    pointer: `query${pointer}`,
    detail: detail.replace(/^unknown field/, 'unknown parameter'),
  }
}

function fault(detail: string): ReadQuery {
  return { errors: [{ pointer: 'query', detail }] }
}
