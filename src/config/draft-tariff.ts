/** A tariff that is written for the routes that are served, and checked as their file is. */
import type { Fault } from '../lib/fault.ts'
import { mapValues } from '../lib/map-values.ts'
import { unknownName } from './checks/unknown-name.ts'
import type { Config } from './config.ts'
import { checkedConfig } from './load-config.ts'
import { type Tariff, tariffOf } from './tariff.ts'

/** As tollbook.yaml says it, but the prices of its routes stand together: what it may leave out, it may leave out here. */
export interface DraftTariff {
  readonly plans: Readonly<Record<string, unknown>>
  /** By route id: each route that is served, and no other. */
  readonly prices: Readonly<Record<string, unknown>>
  readonly credits?: unknown
  readonly packs?: unknown
}

/** @returns the whole tariff, or what is wrong with the draft, where it stands in the draft */
export function draftTariff(
  { written, file }: Pick<Config, 'written' | 'file'>,
  { plans, prices, credits, packs }: DraftTariff,
): Tariff | { readonly faults: readonly Fault[] } {
  const { credits: _, packs: __, ...others } = written
  const ids = Object.keys(written.routes)
  const unknown = Object.keys(prices).flatMap((id) =>
    unknownName(['prices', id], 'route is served', id, ids),
  )
  const checked = checkedConfig(file, {
    ...others,
    plans,
    ...(credits !== undefined && { credits }),
    ...(packs !== undefined && { packs }),
    routes: mapValues(written.routes, (route, id) => ({
      ...route,
      price: Object.hasOwn(prices, id) ? prices[id] : undefined,
    })),
  })
  const faults = [...unknown, ...('faults' in checked ? checked.faults.map(inDraft) : [])]
  return 'faults' in checked || faults.length > 0 ? { faults } : tariffOf(checked.config)
}

/** What stands at a route of the file stands at its price in the draft; what the draft does not have is a fault of its whole. */
function inDraft({ path, message }: Fault): Fault {
  const [section, id, field, ...steps] = path
  if (section === 'routes' && id !== undefined && field === 'price') {
    return { path: ['prices', id, ...steps], message }
  }
  if (section === 'plans' || section === 'credits' || section === 'packs') return { path, message }
  return { path: [], message: path.length === 0 ? message : `${path.join('.')}: ${message}` }
}
