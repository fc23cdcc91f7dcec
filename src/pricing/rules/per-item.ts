/**
 * A price for each item: held for a list of the request or for a number in it, charged for as many or for a list of the
 * response.
 */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from '../../../events/bounds.ts'
import type { Fault } from '../../lib/fault.ts'
import { valueAt } from '../../lib/json-pointer.ts'
import { closed, pointer } from '../../lib/schema-fields.ts'
import { Condition, meetsCondition, wantFaults } from '../condition.ts'
import {
  boundInRequest,
  inResponse,
  inResponseItems,
  requiredInRequest,
} from '../pointer-checks.ts'
import type { PriceableRoute, PriceKind } from '../price-kind.ts'
import { proportionalFields, rateText } from '../rate.ts'
import {
  maxUrlBytes,
  type RequestSource,
  requestSource,
  sourceMarkdown,
  sourceText,
  valueInRequest,
} from '../request-source.ts'
import { conditionText, fieldText } from '../text-parts.ts'

const HoldForList = closed(
  { list: requestSource('The list') },
  { description: "Held before the call: one unit for each item of this list of the request's." },
)

const HoldForNumber = closed(
  { number: requestSource('The number') },
  {
    description:
      'Held before the call: so many units as this integer of the request says, which its schema bounds by `minimum` and `maximum`.',
  },
)

export const ItemPrice = closed(
  {
    per: Type.Literal('item'),
    ...proportionalFields,
    hold: Type.Union([HoldForList, HoldForNumber], {
      description: 'What is held before the call, for a `list` of the request or a `number` in it.',
    }),
    settle: Type.Optional(
      closed(
        { list: pointer, where: Type.Optional(Condition) },
        {
          description:
            'Charged after the call: one unit for each item of this list of the response, only those that pass `where`. Absent: as held.',
        },
      ),
    ),
  },
  { description: 'A price for each item, of a list or by number.' },
)

type Hold = Static<typeof ItemPrice>['hold']

export const perItem: PriceKind<Static<typeof ItemPrice>> = {
  inUnits: false,
  readsJson: ({ settle }) => settle !== undefined,

  findFaults({ hold, settle }, route) {
    const faults = holdFaults(hold, route)
    if (settle === undefined) return faults
    const { list, where } = settle
    const listFaults = inResponse(route, ['price', 'settle', 'list'], list, 'array')
    if (listFaults.length > 0 || where === undefined) return [...faults, ...listFaults]
    const path = ['price', 'settle', 'where']
    return [
      ...faults,
      ...wantFaults(where, path),
      ...inResponseItems(route, [...path, 'pointer'], { list, pointer: where.pointer }),
    ]
  },

  countedIn: ({ hold }) => [sourceOf(hold)],

  holdQuantity({ hold }, request) {
    const held = valueInRequest(sourceOf(hold), request)
    if ('list' in hold) {
      if (Array.isArray(held)) return held.length
      throw new TypeError(`no list at ${sourceText(hold.list)}`)
    }
    if (Number.isSafeInteger(held) && (held as number) >= 0) return held as number
    throw new TypeError(`no number at ${sourceText(hold.number)}`)
  },

  maxQuantity({ hold }, route, maxBytes) {
    if ('number' in hold) return boundInRequest(route, hold.number, 'maximum') ?? maxAmount
    // An item takes two bytes at least, with the comma before it.
    const most = Math.ceil((typeof hold.list === 'string' ? maxBytes : maxUrlBytes) / 2)
    return Math.min(boundInRequest(route, hold.list, 'maxItems') ?? most, most)
  },

  /** Items that the response does not show are not charged. */
  usedQuantity({ settle }, { response }, held) {
    if (settle === undefined) return held
    const list = valueAt(response.json, settle.list)
    if (!Array.isArray(list)) return 0
    const { where } = settle
    const charged = where ? list.filter((item) => meetsCondition(item, where)) : list
    return charged.length
  },

  text(rule, scale) {
    const { hold, settle } = rule
    const of =
      'list' in hold
        ? ` of ${sourceMarkdown(hold.list)}`
        : `, as many as ${sourceMarkdown(hold.number)} says`
    return [
      rateText(rule, 'for each item', 'items', of, scale),
      settle ? ` is held; charged for each of the response's ${fieldText(settle.list)}` : '',
      settle?.where ? ` whose ${conditionText(settle.where)}` : '',
      '.',
    ].join('')
  },

  shortText(rule, scale) {
    const of = rule.settle?.list ?? sourceText(sourceOf(rule.hold))
    return rateText(rule, 'for each item', 'items', ` of ${of}`, scale)
  },
}

function sourceOf(hold: Hold): RequestSource {
  return 'list' in hold ? hold.list : hold.number
}

/** A number without bounds could cost anything, or be negative. */
function holdFaults(hold: Hold, route: PriceableRoute): Fault[] {
  if ('list' in hold) {
    return requiredInRequest(route, ['price', 'hold', 'list'], hold.list, 'array')
  }
  const path = ['price', 'hold', 'number']
  const faults = requiredInRequest(route, path, hold.number, 'integer')
  if (faults.length > 0) return faults
  return (['minimum', 'maximum'] as const)
    .filter((keyword) => (boundInRequest(route, hold.number, keyword) ?? -1) < 0)
    .map((keyword) => ({
      path,
      message: `${sourceText(hold.number)} needs a \`${keyword}\` of at least 0 in its schema`,
    }))
}
