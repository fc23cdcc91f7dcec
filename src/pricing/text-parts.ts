/** The words that the texts of all kinds of price are made of. */
import { pointerSteps } from '../lib/json-pointer.ts'
import type { ChargeCondition } from './charge-condition.ts'
import type { Condition } from './condition.ts'

/** A field as its readers know it: `/meta/total` as `meta.total`. */
export function fieldText(pointer: string): string {
  return pointer === '' ? 'body' : `\`${pointerSteps(pointer).join('.')}\``
}

/** `success` is `true` */
export function conditionText({ pointer, equals, exists }: Condition): string {
  if (exists !== undefined) return `${fieldText(pointer)} is ${exists ? '' : 'not '}there`
  return `${fieldText(pointer)} is \`${JSON.stringify(equals)}\``
}

/** Which responses are charged, as a sentence. */
export function chargeConditionText(condition: ChargeCondition): string {
  if ('pointer' in condition)
    return `Not charged unless the response's ${conditionText(condition)}.`
  if ('status' in condition) return `Charged with status ${condition.status.join(', ')} only.`
  if ('event' in condition) {
    const { event } = condition
    const which = typeof event === 'string' ? `\`${event}\`` : `in which ${conditionText(event)}`
    return `A stream is not charged unless an event ${which} comes before its end.`
  }
  const { header, equals, not } = condition
  return equals === undefined
    ? `Not charged where the header \`${header}\` is \`${not}\`.`
    : `Not charged unless the header \`${header}\` is \`${equals}\`.`
}

export function numberText(value: number): string {
  return value.toLocaleString('en')
}
