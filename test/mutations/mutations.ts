/** Every way in which a life is changed: each event of it, column by column and field by field. */
import type { EventType } from '../../events/catalogue.ts'
import { entryOf, eventTypes } from '../../events/event-types.ts'
import type { EventRow } from './copies.ts'

export interface Mutation {
  /** Such as `HoldSettled on a lease: credits 3 → 4`; what is changed stands before the arrow's values. */
  readonly name: string
  /** The event, by its position in the life. */
  readonly position: number
  /** The columns to change, as expressions in SQL. */
  readonly changes: Readonly<Record<string, string>>
}

const text = (value: string) => `'${value.replaceAll("'", "''")}'`

/** Another key, account and lot that the log knows, by their names in the spare copy. */
export interface Others {
  readonly account_id: string
  readonly key_id: string
  readonly request_id: string
  readonly tariff: string
  /** A lot of another account. */
  readonly lot: number
}

/** What tells an event apart from others of its type. */
export function variantOf({ type, slots, request_id, payload, lots }: EventRow): string {
  const {
    lease,
    claim,
    sentCredits,
    terminatedBy,
    shortfall,
    kind,
    repaysDebt,
    externalId,
    budgets,
    plan,
    pack,
    volume,
    volumeOf,
  } = payload as Record<string, unknown>
  const parts = [
    budgets !== undefined && request_id !== null && 'in budgets',
    lease !== undefined && 'on a lease',
    slots !== null && 'of a lease',
    claim !== undefined && 'with a claim',
    sentCredits !== undefined && 'with what was sent',
    terminatedBy !== undefined && `ended by ${terminatedBy}`,
    shortfall !== undefined && 'with a shortfall',
    plan !== undefined && request_id !== null && 'of a plan',
    volume !== undefined && 'in tiers',
    volumeOf !== undefined && 'of a component',
    kind !== undefined && `of kind ${kind}`,
    pack !== undefined && 'of a pack',
    repaysDebt === true && 'repaying',
    externalId !== undefined && 'with an external id',
    request_id !== null && (lots as unknown[] | null)?.length === 2 && 'of two lots',
  ].filter((part) => part !== false)
  return [type, ...parts].join(' ')
}

/** The first event of each variant, changed in every way. */
export function mutationsOf(life: readonly EventRow[], others: Others): Mutation[] {
  const seen = new Set<string>()
  return life.flatMap((row) => {
    const variant = variantOf(row)
    if (seen.has(variant)) return []
    seen.add(variant)
    return [...columnMutations(row, others), ...payloadMutations(row)].map(([name, changes]) => ({
      name: `${variant}: ${name}`,
      position: row.position,
      changes,
    }))
  })
}

type Change = readonly [string, Readonly<Record<string, string>>]

function columnMutations(row: EventRow, others: Others): Change[] {
  const { type } = row
  const { stream } = entryOf(type) ?? {}
  const sameStream = eventTypes.filter((other) => entryOf(other)?.stream === stream)
  // The two beside it in the catalogue, for each to become another one.
  const at = sameStream.indexOf(type as EventType)
  const neighbours = [at - 1, at + 1].flatMap((i) => sameStream[i] ?? [])
  const one = (column: string, value: string): Change => [column, { [column]: value }]
  const changes: Change[] = [
    ['recorded_at', { recorded_at: `recorded_at + interval '1 microsecond'` }],
    ['occurred_at', { occurred_at: `occurred_at + interval '1 microsecond'` }],
    [
      'both times',
      {
        recorded_at: `recorded_at + interval '1 day'`,
        occurred_at: `occurred_at + interval '1 day'`,
      },
    ],
    ['another month', { occurred_at: `occurred_at - interval '1 month'` }],
    ['an unknown type', { type: `'NoSuchType'` }],
    ...neighbours.map((other): Change => [`type ${other}`, { type: text(other) }]),
    one('actor', `'somebody'`),
    one('instance', `'somewhere'`),
    one('login', row.login === null ? `'somebody'` : 'null'),
    one('private', row.private === null ? `'\\x00'` : `private || '\\x00'`),
  ]
  for (const column of ['stream_version', 'quantity', 'slots', 'status', 'latency_ms', 'credits']) {
    changes.push(one(column, row[column] === null ? '1' : `${column} + 1`))
    if (row[column] !== null) changes.push([`no ${column}`, { [column]: 'null' }])
    if (row[column] !== null && row[column] !== 0)
      changes.push([`${column} of 0`, { [column]: '0' }])
  }
  for (const column of ['account_id', 'key_id', 'request_id', 'tariff'] as const) {
    changes.push([`another ${column}`, { [column]: text(others[column]) }])
    changes.push([`unknown ${column}`, { [column]: `'x'` }])
    changes.push([`empty ${column}`, { [column]: row[column] === null ? `''` : 'null' }])
  }
  changes.push(
    one('mode', row.mode === null ? `'live'` : `case mode when 'live' then 'test' else 'live' end`),
  )
  changes.push([
    'another endpoint',
    { endpoint: row.endpoint === 'prices' ? `'other'` : `'prices'` },
  ])
  changes.push(['unknown endpoint', { endpoint: `'x'` }])
  changes.push(['empty endpoint', { endpoint: row.endpoint === null ? `''` : 'null' }])
  for (const column of ['lots', 'held', 'moved']) {
    const list = row[column] as number[] | null
    if (list === null) changes.push([`some ${column}`, { [column]: `'{}'` }])
    else {
      changes.push([`no ${column}`, { [column]: 'null' }])
      changes.push([`more ${column}`, { [column]: `${column} || 1::bigint` }])
      const other = column === 'lots' ? String(others.lot) : `coalesce(${column}[1], 0) + 1`
      if (list.length > 0)
        changes.push([
          `other ${column}`,
          { [column]: `array_prepend((${other})::bigint, ${column}[2:])` },
        ])
      if (list.length > 1)
        changes.push([`${column} turned round`, { [column]: `array[${column}[2], ${column}[1]]` }])
    }
  }
  const sumColumn = row.moved === null ? 'held' : 'moved'
  if ((row[sumColumn] as number[] | null)?.length) {
    // As somebody would who wants the sum to be right.
    changes.push([
      'credits with what is moved',
      {
        credits: 'credits + 1',
        [sumColumn]: `array_prepend(${sumColumn}[1] + 1, ${sumColumn}[2:])`,
      },
    ])
  }
  return changes
}

/** Another value for each leaf of a payload, and the payload without it. */
function payloadMutations({ payload }: EventRow): Change[] {
  const changes: Change[] = [['a field more', { payload: jsonOf({ ...payload, more: 1 }) }]]
  const visit = (value: unknown, path: readonly string[], put: (value: unknown) => unknown) => {
    const name = `payload.${path.join('.')}`
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [field, inner] of Object.entries(value)) {
        const rest = Object.fromEntries(Object.entries(value).filter(([other]) => other !== field))
        visit(inner, [...path, field], (next) => put({ ...value, [field]: next }))
        changes.push([
          `without payload.${[...path, field].join('.')}`,
          { payload: jsonOf(put(rest)) },
        ])
      }
      return
    }
    for (const [i, other] of otherValues(value).entries()) {
      changes.push([i === 0 ? name : `${name} (${i + 1})`, { payload: jsonOf(put(other)) }])
    }
  }
  visit(payload, [], (value) => value)
  return changes
}

function otherValues(value: unknown): unknown[] {
  switch (typeof value) {
    case 'string':
      if (/^\d{4}-\d\d-\d\dT/.test(value))
        return [value.replace(/^\d{4}/, (year) => `${Number(year) + 1}`)]
      if (/^[0-9a-f]{64}$/.test(value))
        return [value.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))]
      return [`${value}x`]
    case 'number':
      return [value + 1, 0].filter((other) => other !== value)
    case 'boolean':
      return [!value]
    default:
      return value === null ? ['x'] : [null]
  }
}

function jsonOf(value: unknown): string {
  return `${text(JSON.stringify(value))}::json`
}
