/**
 * Each request id is opened once: by a hold or a lease, or by the end of a call that ran on a lease. As conditions on events,
 * in SQL.
 */
import { typesWith } from './event-types.ts'
import { typeIn } from './type-condition.ts'

/** Whether the event opens its request. */
export const isOpening = `(${typeIn(typesWith('hold', 'opens'))} or ${typeIn(typesWith('onLease'))} and held is null)`

/**
 * Holds for every event. Openings are in one index by request id and all other events in another one, and PostgreSQL uses
 * both for a query by request id that has this condition, too.
 */
export const isOpeningOrNot = `(${isOpening} or not ${isOpening})`
