/**
 * What a log says of an error. Errors of fetch have the whole URL of an upstream, with the path and query that a client
 * chose and the credential that the gateway added. So only fields that are known cross, and of a URL in a text its origin.
 */
import pino from 'pino'

/** Of errors of the system, and of those that PostgreSQL reports. */
const fields = [
  ...['type', 'message', 'stack', 'name', 'code', 'errno', 'syscall', 'address', 'port'],
  ...['severity', 'detail', 'hint', 'where', 'schema', 'table', 'constraint', 'routine'],
]

/** A serializer of pino; what is no error stays what it is. */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? withoutPaths(error) : error
  const said = pino.stdSerializers.err(error) as unknown as Record<string, unknown>
  const known = fields.flatMap((name) => {
    const value = said[name]
    if (value === undefined || (typeof value === 'object' && value !== null)) return []
    return [[name, typeof value === 'string' ? withoutPaths(value) : value] as const]
  })
  const errors = error instanceof AggregateError ? error.errors.map(loggedError) : undefined
  return { ...Object.fromEntries(known), ...(errors && { errors }) }
}

function withoutPaths(text: string): string {
  return text.replace(/(https?:\/\/[^\s/?#"'\\]*)[^\s"'\\]+/gi, '$1/…')
}
