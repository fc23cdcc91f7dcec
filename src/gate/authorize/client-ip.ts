// Where a request comes from, and whether a key may be used from there.
//
// X-Forwarded-For is a list to which every proxy appends the address it saw. So it is trusted from the right, for as many
// entries as there are proxies of one's own. What is further left was written by the client.

import { BlockList, isIP } from 'node:net'

/**
 * The client's address: the entry that the outermost of `trustedProxies` proxies wrote, or the socket's
 * own address when there are none, when the list is shorter than that or the entry is no address. Mapped
 * IPv4 comes back as IPv4, IPv6 in its shortest form, both without port and zone.
 */
export function clientIp({
  socketAddress,
  forwardedFor,
  trustedProxies,
}: {
  readonly socketAddress: string
  readonly forwardedFor: string | null | undefined
  readonly trustedProxies: number
}): string {
  const claimed = trustedProxies > 0 ? entryFromRight(forwardedFor ?? '', trustedProxies) : ''
  return plainAddress(claimed) ?? plainAddress(socketAddress) ?? socketAddress
}

/**
 * Whether `ip` (as `clientIp` gives it) is on the list. An empty list restricts nothing; entries that are
 * no addresses match nothing, so a list of only such entries refuses everyone.
 */
export function ipAllowed(allowlist: readonly string[], ip: string): boolean {
  if (allowlist.length === 0) return true
  const list = compiled.get(allowlist) ?? compileIpList(allowlist)
  compiled.set(allowlist, list)
  return list.check(ip, isIP(ip) === 4 ? 'ipv4' : 'ipv6')
}

/** The list as the runtime's matcher. Addresses and CIDR ranges; other entries are left out. */
export function compileIpList(list: readonly string[]): BlockList {
  const compiledList = new BlockList()
  for (const entry of list.map(parseEntry)) {
    if (entry !== undefined) compiledList.addSubnet(entry.address, entry.bits, entry.family)
  }
  return compiledList
}

/** The entries that are neither an address nor a CIDR range. */
export function invalidIpEntries(list: readonly string[]): string[] {
  return list.filter((entry) => parseEntry(entry) === undefined)
}

/** By the array itself: a cached key keeps its list, so each list is compiled once. */
const compiled = new WeakMap<readonly string[], BlockList>()

interface IpRange {
  readonly address: string
  readonly bits: number
  readonly family: 'ipv4' | 'ipv6'
}

function parseEntry(entry: string): IpRange | undefined {
  const [address = '', bits, ...rest] = entry.trim().split('/')
  const version = isIP(address)
  const allBits = version === 4 ? 32 : 128
  if (version === 0 || address.includes('%') || rest.length > 0) return undefined
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > allBits)) return undefined
  return { address, bits: Number(bits ?? allBits), family: version === 4 ? 'ipv4' : 'ipv6' }
}

/** The `nth` element of a comma-separated list, counted from the right, or '' when there are fewer. */
function entryFromRight(list: string, nth: number): string {
  let end = list.length
  for (let count = 1; count < nth; count++) {
    end = end > 0 ? list.lastIndexOf(',', end - 1) : -1
  }
  return end > 0 ? list.slice(list.lastIndexOf(',', end - 1) + 1, end) : ''
}

/** No address, with brackets, zone and port, is longer. */
const maxAddressLength = 80

/** An address without brackets, port and zone, in one spelling; undefined when it is none. */
function plainAddress(text: string): string | undefined {
  if (text.length > maxAddressLength) return undefined
  const trimmed = text.trim()
  const bare =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ??
    /^([\d.]+):\d{1,5}$/.exec(trimmed)?.[1] ??
    trimmed
  const version = isIP(bare)
  if (version === 0) return undefined
  return version === 4 ? bare : plainIpv6(bare)
}

/** A URL parser is the standard's way to IPv6's one spelling; it writes a mapped address as `::ffff:102:304`. */
function plainIpv6(address: string): string {
  const [withoutZone = ''] = address.split('%')
  const shortest = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(shortest)
  if (mapped === null) return shortest
  const groups = [mapped[1], mapped[2]].map((group) => Number.parseInt(group ?? '', 16))
  return groups.flatMap((group) => [group >> 8, group & 255]).join('.')
}
