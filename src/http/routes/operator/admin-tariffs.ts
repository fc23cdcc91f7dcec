/** The operators' routes that try other prices and plans, and publish them. */
import { Elysia, t } from 'elysia'
import type { Tariff } from '../../../config/tariff.ts'
import { pointerStep, shortPointer } from '../../../lib/json-pointer.ts'
import type { TariffComparison } from '../../../management/manage-tariffs.ts'
import type { Management } from '../../../management/management.ts'
import type { Published } from '../../../management/publish-tariff.ts'
import { requireRecentSignIn } from '../../auth/recent-sign-in.ts'
import { requireValid, unwrap } from '../../errors/request-refused.ts'
import { changeProblems, commonProblems } from '../../openapi/problem-schema.ts'
import {
  closed,
  iso,
  month,
  notice,
  plainReason,
  type Static,
  time,
  typedSchema,
} from '../../schemas/fields.ts'
import { onceHeader } from '../once.ts'
import { operatorActor, type RouteDeps } from '../route-deps.ts'

const named = (description: string) => t.Record(t.String(), t.Unknown(), { description })

const Draft = closed({
  plans: named('As `plans` of the configuration says them.'),
  prices: named(
    'The price of each route that is served, by its id, as `price` of the route says it.',
  ),
  credits: t.Optional(t.Unknown({ description: 'As `credits` of the configuration.' })),
  packs: t.Optional(t.Unknown({ description: 'As `packs` of the configuration.' })),
})

const WholeTariff = typedSchema<Tariff>(
  t.Object({
    plans: t.Record(t.String(), t.Unknown()),
    prices: t.Record(t.String(), t.Unknown()),
    credits: t.Optional(t.Unknown()),
    packs: t.Optional(t.Unknown()),
  }),
)

const value = t.Unknown({ description: 'null: there is none.', examples: [5_000] })

const comparison = {
  hash: t.String({ description: 'Of the other tariff.' }),
  inForce: t.Nullable(t.String({ description: 'Hash of the tariff in force.' })),
  changes: t.Array(
    t.Object({
      path: t.String({ examples: ['plans.pro.credits'] }),
      before: value,
      after: value,
    }),
    { description: 'What it changes in the tariff in force, field by field.' },
  ),
  dropped: t.Array(t.String({ examples: ['plans: gold'] }), {
    description: 'What is in force and would disappear.',
  }),
  announcedFrom: t.Nullable(
    t.String({ description: 'When it comes into force, where it is announced.' }),
  ),
}

const DiffResponse = t.Object({
  diff: typedSchema<ReturnType<typeof shown>>(t.Object(comparison)),
})
const ConfiguredDiffResponse = t.Object({
  diff: typedSchema<ReturnType<typeof shown>>(t.Object(comparison)),
  configured: WholeTariff,
  inForce: WholeTariff,
})

const NewPrices = closed({
  tariff: Draft,
  from: t.Optional(time),
  notice,
  mayDrop: t.Optional(
    t.Boolean({ description: 'true: plans, prices and packs in force may disappear.' }),
  ),
  reason: plainReason,
})

const PublishedResponse = t.Object({
  published: typedSchema<Published>(
    t.Object({
      hash: t.String(),
      from: t.String({ description: 'When it comes into force.' }),
      positions: t.Array(t.String(), {
        description: 'Where it is in the ledger; none where it was in force already.',
      }),
    }),
  ),
})

const SimulationWanted = closed({ tariff: Draft, from: month, to: t.Optional(month) })

/** Of a simulation; those of the command line have no such bound. */
const maxMonths = 12

const tags = ['Operators: prices']

/** One chain, however long: Elysia infers the types of clients from it. */
export function adminTariffsRoutes({ management, simulations, sql, signIn }: RouteDeps) {
  return new Elysia({ name: 'admin-tariffs', normalize: false })
    .use(signIn)
    .get(
      '/admin/prices/diff',
      async () => {
        const { configuredTariff: configured } = management
        const diff = await management.compareTariff(configured)
        return { diff: shown(diff), configured, inForce: diff.before }
      },
      {
        signedIn: 'operator',
        response: { 200: ConfiguredDiffResponse, ...commonProblems },
        detail: {
          operationId: 'getPriceChanges',
          summary: 'What the configuration would change in the prices and plans in force',
          description:
            'The tariff of the configuration that the gateway runs with beside the one in force, with both.',
          tags,
        },
      },
    )
    .post(
      '/admin/prices/diff',
      async ({ body: { tariff } }) => ({
        diff: shown(await management.compareTariff(checked(management, tariff))),
      }),
      {
        signedIn: 'admin',
        body: closed({ tariff: Draft }),
        response: { 200: DiffResponse, ...changeProblems },
        detail: {
          operationId: 'checkPrices',
          summary: 'Check other prices and plans, and see what they would change',
          description:
            'Checks a tariff for the routes that are served, as their configuration is checked. Nothing is published.',
          tags,
        },
      },
    )
    .post(
      '/admin/prices',
      async ({ body, headers, principal, request, status }) => {
        const { tariff, from, reason, ...more } = body
        const checkedTariff = checked(management, tariff)
        await requireRecentSignIn(sql, principal)
        const wanted = { ...more, ...(from !== undefined && { from: iso(from) }) }
        const actor = operatorActor(principal, reason, { request, headers, body })
        const published = unwrap(await management.publishTariff(checkedTariff, wanted, actor))
        return status(201, { published })
      },
      {
        signedIn: 'admin',
        headers: onceHeader,
        body: NewPrices,
        response: { 201: PublishedResponse, ...changeProblems },
        detail: {
          operationId: 'publishPrices',
          summary: 'Publish prices and plans, at once or for a time',
          description:
            'Calls in flight keep their price. What was published last for a time is not published for it again, and gets the same response. What is in force and not in the tariff disappears, which has to be confirmed. From a browser it needs a sign-in that is at most ten minutes old. The reason stands in the log as it is.',
          tags,
        },
      },
    )
    .post(
      '/admin/simulations',
      ({ body: { tariff, from, to = from } }) => {
        requireValid(monthsFault(from, to))
        const wanted = { tariff: checked(management, tariff), from, to }
        return linesOf(simulations.stream(wanted))
      },
      {
        signedIn: 'admin',
        body: SimulationWanted,
        response: {
          200: t.String({
            contentMediaType: 'application/jsonl',
            description:
              'Lines of JSON: `{"progress": 0.25}` again and again, and at last `{"simulation": …}`, or `{"problem": …}` where it could not be finished.',
          }),
          ...changeProblems,
        },
        detail: {
          operationId: 'simulatePrices',
          summary: 'What months would have cost under other prices and plans',
          description:
            'Computes what every account would have paid, beside what it did pay; the accounts that differ most, and the sums of all. One is computed at a time, of at most twelve months, and ends with its connection.',
          tags,
        },
      },
    )
}

function monthsFault(from: string, to: string) {
  if (to < from) return [{ pointer: '/to', detail: 'must not lie before `from`' }]
  const last = Temporal.PlainYearMonth.from(from).add({ months: maxMonths - 1 })
  return to > last.toString() ? [{ pointer: '/to', detail: `at most ${maxMonths} months` }] : []
}

/** Elysia sends a Response as it is. */
function linesOf(lines: ReadableStream<Uint8Array>): string {
  return new Response(lines, {
    headers: { 'content-type': 'application/jsonl', 'x-content-type-options': 'nosniff' },
  }) as unknown as string
}

/** @throws RequestRefused with what is wrong with the draft */
function checked(management: Pick<Management, 'draftTariff'>, draft: Static<typeof Draft>): Tariff {
  const drafted = management.draftTariff(draft)
  if (!('faults' in drafted)) return drafted
  requireValid(
    drafted.faults.map(({ path, message }) => ({
      pointer: shortPointer(`/tariff${path.map(pointerStep).join('')}`),
      detail: message,
    })),
  )
  throw new Error('a draft is faulty without a fault')
}

function shown({ before: _, announcedFrom, changes, ...diff }: TariffComparison) {
  return {
    ...diff,
    announcedFrom: announcedFrom ?? null,
    changes: changes.map(({ path, before = null, after = null }) => ({ path, before, after })),
  }
}
