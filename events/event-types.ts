/** Lists of the event types that have something in common, as the catalogue says. */
import { catalogue, type EventType } from './catalogue.ts'
import type { CatalogueEntry } from './catalogue-entry.ts'

export const eventTypes = Object.keys(catalogue) as EventType[]

/** The types whose entry in the catalogue has this value in this field, or any value where none is given. */
export function typesWith<Field extends keyof CatalogueEntry>(
  field: Field,
  value?: CatalogueEntry[Field],
): EventType[] {
  return eventTypes.filter((type) => {
    const entry: CatalogueEntry = catalogue[type]
    return value === undefined ? entry[field] !== undefined : entry[field] === value
  })
}

/** Types of which a log has very many. */
export const frequentTypes = typesWith('isFrequent')
/** What happens to holds. */
export const holdTypes = typesWith('hold')
/** What draws on lots for a hold. */
export const drawingTypes = [...typesWith('hold', 'opens'), ...typesWith('hold', 'extends')]
/** What resolves a hold. */
export const resolvingTypes = typesWith('hold', 'resolves')
/** What moves credits of lots. */
export const lotMovingTypes = eventTypes.filter((type) => {
  const { hold, moves }: CatalogueEntry = catalogue[type]
  return hold !== undefined || moves !== undefined
})
/** What counts calls without holds. */
export const countingTypes = typesWith('counts')
/** What counts such calls that were served. */
export const servedTypes = [...typesWith('counts', 'free'), ...typesWith('counts', 'imported')]
/** What usage is counted by. The end of a lease is of such a type too, and is no call. */
export const usageTypes = [...resolvingTypes, ...servedTypes]
/** What makes a key. */
export const keyMakingTypes = typesWith('stream', 'key').filter((type) => {
  const { opensStream }: CatalogueEntry = catalogue[type]
  return opensStream
})
/** What gives a key a secret. */
export const secretTypes = typesWith('setsSecret')

/** What changes who may buy what. No call makes any of them. */
export const decidingTypes = [
  ...typesWith('stream', 'account'),
  ...typesWith('stream', 'key'),
  ...typesWith('stream', 'tariffs'),
]

/** The type's entry, if the catalogue has one. A damaged log, or one of a later program, may have other types. */
export function entryOf(type: string): CatalogueEntry | undefined {
  return Object.hasOwn(catalogue, type) ? catalogue[type as EventType] : undefined
}
