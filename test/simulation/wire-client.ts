/**
 * The product's `Sql`, with the simulation's network in place of a socket. It makes of a statement what postgres.js makes
 * of it: texts of parameters out, and values of the texts that come back, by the parsers that the product connects with.
 */
import postgres from 'postgres'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import type { Column, Reply, Rows, Statement, Text } from './wire.ts'

type Parser = (text: string) => unknown

/** Connects to nothing: it lends its parsers. */
const parsers = connect({ url: 'postgres://simulation', as: 'calls', max: 1 }).options
  .parsers as unknown as Record<number, Parser>

/** @param send resolves to the ledger's reply, or rejects with the error of a connection */
export function sqlOver(send: (statement: Statement) => Promise<Reply>): Sql {
  const sql = (strings: TemplateStringsArray, ...values: unknown[]) =>
    new Query(send, [...strings], values)
  sql.unsafe = (text: string, values: readonly unknown[] = []) =>
    new Query(send, [text], values, true)
  return sql as unknown as Sql
}

/** Sent when it is executed or awaited, once. A part of another statement is never sent itself. */
class Query implements PromiseLike<unknown> {
  private readonly send: (statement: Statement) => Promise<Reply>
  private readonly strings: readonly string[]
  private readonly values: readonly unknown[]
  private readonly isText: boolean
  private result: Promise<unknown> | undefined

  constructor(
    send: (statement: Statement) => Promise<Reply>,
    strings: readonly string[],
    values: readonly unknown[],
    isText = false,
  ) {
    this.send = send
    this.strings = strings
    this.values = values
    this.isText = isText
  }

  execute(): this {
    this.result ??= this.send(this.statement()).then(valuesOf)
    return this
  }

  // biome-ignore lint/suspicious/noThenProperty: a query of postgres.js is one, too
  then<A, B>(
    resolve?: ((value: unknown) => A | PromiseLike<A>) | null,
    reject?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.execute()
    return (this.result as Promise<unknown>).then(resolve, reject)
  }

  catch<B>(reject: (error: unknown) => B | PromiseLike<B>): Promise<unknown> {
    return this.then(undefined, reject)
  }

  finally(last: () => void): Promise<unknown> {
    this.execute()
    return (this.result as Promise<unknown>).finally(last)
  }

  private statement(): Statement {
    if (this.isText) return { text: this.strings.join(''), values: this.values.map(textOf) }
    const values: Text[] = []
    return { text: this.textWith(values), values }
  }

  /** The text with numbers for its values, which it adds. */
  private textWith(values: Text[]): string {
    if (this.isText) return this.strings.join('')
    return this.strings.reduce((text, part, i) => {
      const value = this.values[i - 1]
      if (value instanceof Query) return text + value.textWith(values) + part
      return `${text}$${values.push(textOf(value))}${part}`
    })
  }
}

function textOf(value: unknown): Text {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value))
    return `{${value.map((each) => JSON.stringify(textOf(each))).join(',')}}`
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}

/** @throws PostgresError for a refusal; whatever a parser throws for a value that it cannot take */
function valuesOf(reply: Reply): Record<string, unknown>[] {
  if ('error' in reply) throw new postgres.PostgresError(reply.error as never)
  const { columns, rows } = reply
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ name, type }, i) => [name, parse(type, row[i] ?? null)])),
  )
}

function parse(type: number, text: Text): unknown {
  if (text === null) return null
  const element = elementOf[type]
  if (element !== undefined) return elementsOf(text).map((each) => parse(element, each))
  return parsers[type]?.(text) ?? text
}

/** The types of arrays, and of their elements. */
const elementOf: Readonly<Record<number, number>> = {
  1005: 21,
  1007: 23,
  1009: 25,
  1016: 20,
  1185: 1184,
}

/** The elements of an array without nested arrays. */
export function elementsOf(text: string): Text[] {
  const found = text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|[^,]+/g)
  return [...found].map(([whole, quoted]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1')
    return whole === 'NULL' ? null : whole
  })
}

/** The error of a connection, as postgres.js and the socket beneath it name it. */
export function connectionError(code: string): Error {
  return Object.assign(new Error(`simulated ${code}`), { code })
}

/** A reply of which one value cannot be decoded: a number that is no safe integer. */
export function undecodable(reply: Rows, isOf: (column: Column) => boolean): Rows {
  const at = reply.columns.findIndex(isOf)
  if (at < 0) return reply
  const spoil = (text: Text) => text?.replace(/\d+/, '9007199254740993') ?? null
  return { ...reply, rows: reply.rows.map((row) => row.map((t, i) => (i === at ? spoil(t) : t))) }
}
