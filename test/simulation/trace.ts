/** A run told step by step, in names that a reader can follow: calls and commands by their numbers, not by ids. */
import { appendStatement, batchColumns } from '../../src/ledger/append/batch.ts'
import type { Reply, Statement, Text } from './wire.ts'

/** Tells what happened; nothing where there is no text. Only a run that is traced makes the text. */
export type Note = (text: () => string | undefined) => void

export class Trace {
  readonly lines: string[] = []
  private readonly names = new Map<string, string>()

  note(atMs: number, text: string): void {
    this.lines.push(`${(atMs / 1_000).toFixed(6)}  ${this.named(text)}`)
  }

  /** Ids as short names, in the order in which they appear. */
  private named(text: string): string {
    return text.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
      const name = this.names.get(id) ?? `#${this.names.size + 1}`
      this.names.set(id, name)
      return name
    })
  }
}

/** What a command of a batch says. */
export interface SentCommand {
  readonly kind: string
  readonly requestId: string
  readonly credits: Text
}

const firstColumn = 10
const columnNamed = (name: string) =>
  firstColumn + batchColumns.findIndex((column) => column.name === name)

/** The commands of an append; undefined for another statement. */
export function commandsOf({ text, values }: Statement): SentCommand[] | undefined {
  if (text !== appendStatement) return undefined
  const lines = (name: string) => (values[columnNamed(name)] ?? '').split('\n')
  if (!values[columnNamed('kind')]) return []
  const [requestIds, credits] = [lines('request_id'), lines('credits')]
  return lines('kind').map((kind, i) => ({
    ...{ kind, requestId: requestIds[i] ?? '', credits: credits[i] ?? null },
  }))
}

/** The results of an append, command by command; undefined where there are none. */
export function resultsOf(reply: Reply): { verdict: Text; position: number }[] | undefined {
  if ('error' in reply) return undefined
  const column = (name: string) => {
    const at = reply.columns.findIndex((each) => each.name === name)
    return reply.rows[0]?.[at]?.split(' ')
  }
  const positions = column('positions')
  return column('verdicts')?.map((verdict, i) => ({ verdict, position: Number(positions?.[i]) }))
}

const notedFunctions = ['open_producer_v1', 'refund_v1']

/** What gateways do every second, and what they read, says nothing. */
function isNoted({ text }: Statement): boolean {
  return notedFunctions.some((name) => text.includes(`${name}(`))
}

/** Where the log ends, as a reply says; 0 where it does not. */
export function positionOf(reply: Reply): number {
  if ('error' in reply) return 0
  const at = reply.columns.findIndex(({ name }) => name === 'log_position')
  return Number(reply.rows[0]?.[at] ?? 0)
}

/** A statement and what came of it, in a line; undefined where it is not worth one. */
export function describe(statement: Statement, reply: Reply): string | undefined {
  const commands = commandsOf(statement)
  const results = resultsOf(reply)
  if ('error' in reply) return `is refused: ${reply.error.code} ${reply.error.message}`
  if (!commands) return isNoted(statement) ? String(reply.rows[0]?.[0]) : undefined
  const outcome = String(reply.rows[0]?.[0])
  // An empty batch says that its gateway lives.
  if (commands.length === 0 && outcome === 'appended') return undefined
  const each = commands.map(({ kind, requestId, credits }, i) => {
    const { verdict, position } = results?.[i] ?? {}
    const result = verdict === 'ok' ? `at ${position}` : verdict
    return `${kind} ${requestId}${credits ? ` ${credits}` : ''} ${result ?? ''}`
  })
  return `${outcome}: ${each.join(', ')}`
}

/** The function that a statement calls, or what it reads. */
export function statementName({ text }: Statement): string {
  const called = /\b(\w+_v1)\(/.exec(text)?.[1]
  return called ?? `a query of ${/\bfrom (\w+)/.exec(text)?.[1] ?? 'nothing'}`
}
