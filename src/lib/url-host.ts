import { isIPv6 } from 'node:net'

/** An address to listen at as a URL has it: that of IPv6 stands in brackets. */
export function urlHost(hostname: string): string {
  return isIPv6(hostname) ? `[${hostname}]` : hostname
}

/** The address as programs listen at it, also where it was written as in a URL. */
export function withoutBrackets(hostname: string): string {
  return /^\[(.*)\]$/.exec(hostname)?.[1] ?? hostname
}
