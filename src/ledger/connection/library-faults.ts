/** Errors of the client library that reach nobody who asked for something, and are no reason to end the process. */

/**
 * The error of the query by which the library asks each new connection for its types. When the connection is lost
 * meanwhile, the library rejects this query beside the one that it connected for, and nobody has its promise.
 */
export function isLostTypesQuery(error: unknown): boolean {
  return error instanceof Error && 'query' in error && String(error.query).includes('b.typarray')
}

/**
 * The error of a query in a transaction whose connection was lost between two of its queries. The library has rejected the transaction
 * then, and writes what still comes from it to a socket that is gone, in a turn of its own.
 */
export function isWriteToLostConnection(error: unknown): boolean {
  return error instanceof TypeError && /^[^\n]*\n\s+at nextWrite\b/.test(error.stack ?? '')
}
