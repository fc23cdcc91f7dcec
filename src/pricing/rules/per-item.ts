/** A price for each item of a list: held for a list of the request, charged for one of the response. */
import { type Static, Type } from '@sinclair/typebox'
import { valueAt } from '../../lib/json-pointer.ts'
import { closed, pointer } from '../../lib/schema-fields.ts'
import { Condition, meetsCondition } from '../condition.ts'
import {
  inResponse,
  inResponseItems,
  maximumInRequest,
  requiredInRequest,
} from '../pointer-checks.ts'
import type { PriceKind } from '../price-kind.ts'
import {
  maxUrlBytes,
  requestSource,
  sourceMarkdown,
  sourceText,
  valueInRequest,
} from '../request-source.ts'
import { credits } from '../rule-fields.ts'
import { conditionText, creditsText, fieldText } from '../text-parts.ts'

export const ItemPrice = closed(
  {
    per: Type.Literal('item'),
    credits,
    hold: closed(
      { list: requestSource('The list') },
      {
        description: "Held before the call: one unit for each item of this list of the request's.",
      },
    ),
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
  { description: 'A price for each item of a list.' },
)

export const perItem: PriceKind<Static<typeof ItemPrice>> = {
  findFaults({ hold, settle }, route) {
    const faults = requiredInRequest(route, ['price', 'hold', 'list'], hold.list, 'array')
    if (settle === undefined) return faults
    const { list, where } = settle
    const listFaults = inResponse(route, ['price', 'settle', 'list'], list, 'array')
    if (listFaults.length > 0 || where === undefined) return [...faults, ...listFaults]
    const path = ['price', 'settle', 'where', 'pointer']
    return [...faults, ...inResponseItems(route, path, { list, pointer: where.pointer })]
  },

  holdQuantity({ hold }, request) {
    const list = valueInRequest(hold.list, request)
    if (!Array.isArray(list)) throw new TypeError(`no list at ${sourceText(hold.list)}`)
    return list.length
  },

  // An item takes two bytes at least, with the comma before it.
  maxQuantity({ hold }, route, maxBytes) {
    const most = Math.ceil((typeof hold.list === 'string' ? maxBytes : maxUrlBytes) / 2)
    return Math.min(maximumInRequest(route, hold.list, 'maxItems') ?? most, most)
  },

  /** Items that the response does not show are not charged. */
  settleQuantity({ settle }, { response }, held) {
    if (settle === undefined) return held
    const list = valueAt(response.json, settle.list)
    if (!Array.isArray(list)) return 0
    const { where } = settle
    const charged = where ? list.filter((item) => meetsCondition(item, where)) : list
    return Math.min(charged.length, held)
  },

  text({ credits, hold, settle }) {
    return [
      `${creditsText(credits)} for each item of ${sourceMarkdown(hold.list)}`,
      settle ? ` is held; charged for each of the response's ${fieldText(settle.list)}` : '',
      settle?.where ? ` whose ${conditionText(settle.where)}` : '',
      '.',
    ].join('')
  },

  shortText: ({ credits, hold, settle }) =>
    `${creditsText(credits)} for each of ${settle?.list ?? sourceText(hold.list)}`,
}
