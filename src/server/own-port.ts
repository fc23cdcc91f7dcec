/** What a gateway serves on a port of its own, for the operator's network and never for the public one: metrics, the console. */
import type { ListenAddress } from '../config/environment.ts'

export interface Endpoint extends ListenAddress {
  /** Whether a free port will do when this one is taken. */
  readonly orFreePort?: boolean
}

/**
 * @param what is served there, and the variable that names the port
 * @throws Error when the address is taken, saying what to do
 */
export function listenAt<Server>(
  endpoint: Endpoint,
  what: { readonly served: string; readonly variable: string },
  listen: (port: number) => Server,
): Server {
  try {
    return listen(endpoint.port)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
    if (!endpoint.orFreePort) throw new Error(portTaken(endpoint, what))
    return listen(0)
  }
}

function portTaken(
  { hostname, port }: ListenAddress,
  { served, variable }: { readonly served: string; readonly variable: string },
): string {
  return (
    `port ${port} of ${hostname}, where ${served} served, is taken: set ${variable} to another ` +
    '(0 takes a free one, off serves none).'
  )
}
