/**
 * A price for a quantity that has no kind of its own, such as pixels or rows: held for a product of numbers in the request, for
 * its bytes, or for a constant; charged as held, or as the response says.
 */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from '../../../events/bounds.ts'
import type { Fault } from '../../lib/fault.ts'
import { pointerStep, valueAt } from '../../lib/json-pointer.ts'
import { atLeast, closed, headerName, pointer, text } from '../../lib/schema-fields.ts'
import { Condition, wantFaults } from '../condition.ts'
import {
  bodyFaults,
  boundInRequest,
  inResponse,
  maximumInResponse,
  requiredInRequest,
} from '../pointer-checks.ts'
import type { PriceableRoute, PriceKind, RequestContent } from '../price-kind.ts'
import { proportionalFields, rateText } from '../rate.ts'
import { requestSource, sourceMarkdown, sourceText, valueInRequest } from '../request-source.ts'
import { unitOf } from '../rule-fields.ts'
import { fieldText, numberText } from '../text-parts.ts'

const FileSource = closed(
  { file: Type.String({ minLength: 1, description: 'A file of the form: its bytes.' }) },
  { description: "The bytes of a form's file." },
)

const HoldForProduct = closed(
  {
    product: Type.Array(Type.Union([requestSource('A number'), FileSource]), {
      minItems: 1,
      maxItems: 8,
      description:
        'Integers of the request, each bounded by `minimum` and `maximum` in its schema, or `{file: name}`, the bytes of a file.',
    }),
  },
  { description: 'Held before the call: the product of these.' },
)
const HoldForBytes = closed(
  { bytesPer: atLeast(1, "One for each started so many bytes of the request's body.") },
  { description: "Held before the call: by the size of the request's body." },
)
const HoldForMost = closed(
  { most: atLeast(1, 'No call is charged for more than this.', maxAmount) },
  { description: 'Held before the call: a constant.' },
)

const otherwise = Type.Optional(
  Type.Union([Type.Literal('held'), Type.Literal('nothing'), atLeast(1, 'So many.', maxAmount)], {
    default: 'held',
    description:
      'What is charged where the response does not say it: all that was held, nothing, or so many, as far as they were held.',
  }),
)
const SettleByJson = closed(
  {
    number: pointer,
    event: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Condition], {
        description:
          'Which event of a stream has the number: by its name, or a test on the JSON that it brings. Absent: any. The last one that has it counts.',
      }),
    ),
    otherwise,
  },
  {
    description: 'Charged after the call: this number of the response, or of an event of a stream.',
  },
)
const SettleByHeader = closed(
  { header: headerName("A header of the upstream's response."), otherwise },
  { description: 'Charged after the call: what this header of the response says.' },
)

export const QuantityPrice = closed(
  {
    per: Type.Literal('quantity'),
    of: text('^[a-z][a-z -]{0,39}$', 'a word such as pixel', 'What one of it is called: `pixel`.'),
    unit: unitOf('of it'),
    ...proportionalFields,
    hold: Type.Union([HoldForProduct, HoldForBytes, HoldForMost], {
      description: 'The most that a call can use, which is held before it.',
    }),
    settle: Type.Optional(
      Type.Union([SettleByJson, SettleByHeader], {
        description:
          'Where the response says what was used; more than was held is recorded as a shortfall. Absent: as held.',
      }),
    ),
  },
  { description: 'A price for a quantity of a name of its own.' },
)

export type QuantityPrice = Static<typeof QuantityPrice>
type Hold = QuantityPrice['hold']
type Factor = Static<typeof HoldForProduct>['product'][number]
type Settle = NonNullable<QuantityPrice['settle']>

/** Where a response, or an event of a stream, says a number. */
export type NumberSource = Extract<Settle, { readonly number: string }>

export const perQuantity: PriceKind<QuantityPrice> = {
  inUnits: false,
  readsJson: ({ settle }) => settle !== undefined && 'number' in settle,
  findFaults: ({ hold, settle }, route) => [
    ...holdFaults(hold, route),
    ...settleFaults(hold, settle, route),
  ],

  countedIn: ({ hold }) =>
    'product' in hold ? hold.product.map((of) => (isFile(of) ? pointerStep(of.file) : of)) : [],

  holdQuantity({ hold }, request) {
    if ('most' in hold) return hold.most
    if ('product' in hold) return hold.product.reduce((of, at) => of * numberAt(at, request), 1)
    if (request.bytes === undefined) throw new TypeError('no body')
    return Math.ceil(request.bytes / hold.bytesPer)
  },

  maxQuantity({ hold }, route, maxBytes) {
    if ('most' in hold) return hold.most
    if ('bytesPer' in hold) return Math.ceil(maxBytes / hold.bytesPer)
    return hold.product.reduce((of, at) => of * maxOf(at, route), 1)
  },

  usedQuantity({ hold, settle }, { response }, held) {
    if (settle === undefined) return held
    const said =
      'number' in settle
        ? countOf(response.events?.at(settle) ?? valueAt(response.json, settle.number))
        : countOf(numberIn(response.headers?.get(settle.header)))
    // A stream that is not over may still say it.
    if (said === undefined && response.events?.hasEnded === false) return held
    if (said === undefined) return withoutSaying(settle, held)
    return 'most' in hold ? Math.min(said, hold.most) : said
  },

  text: (rule, scale) =>
    `${rateText(rule, `for each ${rule.of}`, `${rule.of}s`, '', scale)}: ${holdText(rule.hold)}${settleText(rule.settle)}.`,
  shortText: (rule, scale) => rateText(rule, `for each ${rule.of}`, `${rule.of}s`, '', scale),
}

function withoutSaying({ otherwise = 'held' }: Settle, held: number): number {
  if (otherwise === 'held') return held
  return otherwise === 'nothing' ? 0 : Math.min(otherwise, held)
}

function isFile(of: Factor): of is Static<typeof FileSource> {
  return typeof of === 'object' && 'file' in of
}

function numberAt(at: Factor, request: RequestContent): number {
  if (isFile(at)) {
    const file = request.files?.[at.file]
    if (file === undefined) throw new TypeError(`no file ${at.file}`)
    return file.bytes
  }
  const value = valueInRequest(at, request)
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new TypeError(`no number at ${sourceText(at)}`)
}

function maxOf(at: Factor, route: PriceableRoute): number {
  if (!isFile(at)) return boundInRequest(route, at, 'maximum') ?? maxAmount
  const { request } = route
  return (request && 'multipart' in request && request.multipart.files[at.file]?.maxBytes) || 0
}

/** What is said, as whole ones; undefined for what is no quantity. */
function countOf(said: unknown): number | undefined {
  if (typeof said !== 'number' || !(said >= 0)) return undefined
  const whole = Math.ceil(said)
  return Number.isSafeInteger(whole) ? whole : undefined
}

function numberIn(text: string | null | undefined): number | undefined {
  return text && /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined
}

function holdFaults(hold: Hold, route: PriceableRoute): Fault[] {
  if ('most' in hold) return []
  if ('bytesPer' in hold) {
    const path = ['price', 'hold', 'bytesPer']
    if (route.request === undefined) return [{ path, message: 'the route takes no body' }]
    return bodyFaults(route, path)
  }
  const faults = hold.product.flatMap((of, index) =>
    factorFaults(of, route, ['price', 'hold', 'product', index]),
  )
  if (faults.length > 0) return faults
  const most = hold.product.reduce((product, of) => product * maxOf(of, route), 1)
  if (Number.isSafeInteger(most)) return []
  return [
    { path: ['price', 'hold', 'product'], message: 'can be more than 2^53: lower the maxima' },
  ]
}

/** A number without bounds could cost anything, or be negative. */
function factorFaults(of: Factor, route: PriceableRoute, path: Fault['path']): Fault[] {
  if (isFile(of)) {
    const { request } = route
    const file = request && 'multipart' in request ? request.multipart.files[of.file] : undefined
    if (file === undefined) return [{ path, message: `the route takes no file ${of.file}` }]
    return file.optional ? [{ path, message: `the file ${of.file} must not be optional` }] : []
  }
  const faults = requiredInRequest(route, path, of, 'integer')
  if (faults.length > 0) return faults
  return (['minimum', 'maximum'] as const)
    .filter((keyword) => (boundInRequest(route, of, keyword) ?? -1) < 0)
    .map((keyword) => ({
      path,
      message: `${sourceText(of)} needs a \`${keyword}\` of at least 0 in its schema`,
    }))
}

function settleFaults(hold: Hold, settle: Settle | undefined, route: PriceableRoute): Fault[] {
  if (settle === undefined) {
    if (!('most' in hold)) return []
    const message = 'missing: without it every call is charged for `hold.most`'
    return [{ path: ['price', 'settle'], message }]
  }
  if ('header' in settle) return []
  const { event } = settle
  // What its events bring is documented nowhere.
  if (event !== undefined || isOfEvents(route)) {
    return typeof event === 'object' ? wantFaults(event, ['price', 'settle', 'event']) : []
  }
  const path = ['price', 'settle', 'number']
  const faults = inResponse(route, path, settle.number, 'number')
  if (faults.length > 0 || !('most' in hold)) return faults
  const maximum = maximumInResponse(route, settle.number)
  if (maximum === undefined || maximum <= hold.most) return []
  const message = `the response may say ${numberText(maximum)}, which is more than is held`
  return [{ path: ['price', 'hold', 'most'], message }]
}

function isOfEvents({ response }: PriceableRoute): boolean {
  return response !== undefined && 'binary' in response && response.binary === 'text/event-stream'
}

function holdText(hold: Hold): string {
  if ('most' in hold) return `${numberText(hold.most)} are held`
  if ('bytesPer' in hold) {
    return `one is held for each started ${numberText(hold.bytesPer)} bytes of the request`
  }
  const factors = hold.product.map((of) =>
    isFile(of) ? `the bytes of \`${of.file}\`` : sourceMarkdown(of),
  )
  return `${factors.join(' × ')} are held`
}

function settleText(settle: Settle | undefined): string {
  if (settle === undefined) return ' and charged'
  const where =
    'number' in settle
      ? `${whereText(settle)} ${fieldText(settle.number)}`
      : `the header \`${settle.header}\``
  const { otherwise = 'held' } = settle
  const without =
    typeof otherwise === 'number'
      ? numberText(otherwise)
      : otherwise === 'held'
        ? 'all of them'
        : 'nothing'
  return `; charged is what ${where} says, ${without} where it says none`
}

function whereText({ event }: NumberSource): string {
  if (event === undefined) return "the response's"
  if (typeof event === 'string') return `in the event \`${event}\``
  const what = event.exists === false ? 'without' : 'with'
  return `in the event ${what} ${fieldText(event.pointer)}`
}
