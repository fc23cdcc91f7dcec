/** Conditions on the type of an event, as SQL. */
import type { EventType } from './catalogue.ts'

/** `type in ('HoldSettled', …)`, or `type = …` of a single type. */
export function typeIn(types: readonly EventType[], column = 'type'): string {
  return types.length === 1 ? `${column} = '${types[0]}'` : `${column} in (${typeList(types)})`
}

/** `type not in (…)`, or `type <> …` of a single type. */
export function typeNotIn(types: readonly EventType[], column = 'type'): string {
  return types.length === 1 ? `${column} <> '${types[0]}'` : `${column} not in (${typeList(types)})`
}

/** Types as the list after IN. */
export function typeList(types: readonly EventType[]): string {
  return types.map((type) => `'${type}'`).join(', ')
}
