/** Events of calls, added up by what their price depends on, so that each price is computed once. */
import type { LogEvent } from '../log/log-event.ts'

/** Events of a range that are told apart by nothing that the rules ask about. */
export interface EventGroup {
  readonly type: string
  /** Of holds and charges of calls with plain payloads; null: of another event. */
  readonly tariff: string | null
  readonly endpoint: string | null
  readonly quantity: number | null
  readonly credits: number | null
  /** Whether a call among them has an Idempotency-Key. */
  claims: boolean
  events: number
  /** The ids of calls among them that have to be followed event by event. */
  readonly followed: string[]
}

type ByTariff = Map<string, Map<string, Map<number, Map<number, EventGroup>>>>

export class EventGroups {
  readonly all: EventGroup[] = []
  readonly #others = new Map<string, EventGroup>()
  /** By type, tariff, route, quantity and credits. */
  readonly #priced = new Map<string, ByTariff>()

  other(type: string): EventGroup {
    let group = this.#others.get(type)
    if (!group) {
      group = newGroup({ type, tariff: null, endpoint: null, quantity: null, credits: null })
      this.#others.set(type, group)
      this.all.push(group)
    }
    return group
  }

  priced({ type, tariff, endpoint, quantity, credits }: LogEvent): EventGroup {
    const ofType = childOf(this.#priced, type)
    const ofTariff = childOf(ofType, tariff ?? '')
    const ofEndpoint = childOf(ofTariff, endpoint ?? '')
    const ofQuantity = childOf(ofEndpoint, quantity ?? 0)
    let group = ofQuantity.get(credits ?? 0)
    if (!group) {
      group = newGroup({ type, tariff, endpoint, quantity, credits })
      ofQuantity.set(credits ?? 0, group)
      this.all.push(group)
    }
    return group
  }
}

function newGroup(
  of: Pick<EventGroup, 'type' | 'tariff' | 'endpoint' | 'quantity' | 'credits'>,
): EventGroup {
  return { ...of, claims: false, events: 0, followed: [] }
}

function childOf<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let child = map.get(key)
  if (!child) {
    child = new Map()
    map.set(key, child)
  }
  return child
}

/** Whether some of the groups need what only a few logs have. */
export function hasClaims(groups: readonly EventGroup[]): boolean {
  return groups.some(({ claims }) => claims)
}
