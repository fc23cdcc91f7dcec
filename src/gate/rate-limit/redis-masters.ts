/** Reads in what nodes of a Cluster and Sentinels reply which server is the master of what. */
import type { RedisHost } from '../../config/redis-url.ts'
import { slotCount } from './redis-slots.ts'

/** What a node of a Cluster knows, as `CLUSTER NODES` prints it. */
interface ClusterView {
  readonly text: string
  /** Where the node was asked: it may not know its own address. */
  readonly asked: RedisHost
}

/**
 * The master of each slot. Of masters that claim the same slot, the one with the highest epoch has it, as the nodes themselves
 * decide: so a node that has not heard of a failover is no matter where another one has.
 *
 * @param prefersNames whether a node that says its host name is called by it, which a certificate has, and not by its address
 */
export function mastersOfSlots(
  views: readonly ClusterView[],
  prefersNames: boolean,
): (RedisHost | undefined)[] {
  const masters = new Array<RedisHost | undefined>(slotCount).fill(undefined)
  const epochs = new Array<number>(slotCount).fill(-1)
  for (const { text, asked } of views) {
    for (const line of text.split('\n')) {
      const [, address = '', flags = '', , , , epoch, , ...ranges] = line.trim().split(' ')
      if (!flags.split(',').includes('master')) continue
      const host = hostOf(address, asked, prefersNames)
      for (const range of ranges) {
        // A slot on its way is also written in [ ], by the two nodes that it concerns.
        const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
        for (let slot = Number(first); slot <= Number(last); slot++) {
          if (Number(epoch) <= (epochs[slot] ?? Number.NaN)) continue
          masters[slot] = host
          epochs[slot] = Number(epoch)
        }
      }
    }
  }
  return masters
}

/** `10.0.0.5:6379@16379,name.example` */
function hostOf(address: string, asked: RedisHost, prefersNames: boolean): RedisHost {
  const [socket = '', name = ''] = address.split(',')
  const [, ip = '', port] = /^(.*):(\d+)(?:@\d+)?$/.exec(socket) ?? []
  const host = (prefersNames && name !== '?' && name) || ip || asked.host
  return { host, port: Number(port ?? asked.port) }
}

/** What a Sentinel says of a master, asked by `sentinelQuestions`. */
interface SentinelView {
  /** The reply to `SENTINEL MASTER name`: names and values in turn. */
  readonly fields: readonly string[]
  /** The reply to `SENTINEL GET-MASTER-ADDR-BY-NAME name`: host and port. */
  readonly address: readonly string[]
}

/** The fields first: the address may be the newer of the two, and never the older one with a new epoch. */
export function sentinelQuestions(master: string): readonly [string, ...string[]][] {
  return [
    ['SENTINEL', 'MASTER', master],
    ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master],
  ]
}

/** The replies to `sentinelQuestions`. */
export function sentinelView([fields, address]: readonly unknown[]): SentinelView {
  return { fields: fields as string[], address: address as string[] }
}

/**
 * The master that the Sentinel with the latest news names. While replicas are told of a new master, the fields have its epoch
 * already and the address of the one before, so the address is asked for by itself.
 */
export function masterOf(views: readonly SentinelView[]): RedisHost | undefined {
  let newest: { host: RedisHost; epoch: number } | undefined
  for (const { fields, address } of views) {
    const [host = '', port] = address
    const epoch = Number(fields[fields.indexOf('config-epoch') + 1])
    if (newest && epoch <= newest.epoch) continue
    newest = { host: { host, port: Number(port) }, epoch }
  }
  return newest?.host
}
