/** The routes for machines: whether the process is alive, and whether it can serve. */
import { Elysia, t } from 'elysia'
import type { Readiness } from './readiness.ts'

export interface SystemDeps {
  readonly readiness: () => Promise<Readiness>
}

const Reasons = t.Record(t.String(), t.String())
const ready = {
  status: t.Union([t.Literal('ready'), t.Literal('not ready')]),
  missing: t.Optional(Reasons),
  degraded: t.Optional(Reasons),
}
const Ready = t.Object(ready, { description: 'It can.' })
const NotReady = t.Object(ready, {
  description: 'It cannot, and why.',
  examples: [{ status: 'not ready', missing: { ledger: 'connection refused' } }],
})

export function systemRoutes({ readiness }: SystemDeps) {
  return new Elysia({ name: 'system' })
    .get('/health', () => ({ status: 'ok' as const }), {
      response: t.Object({ status: t.Literal('ok') }),
      detail: {
        operationId: 'checkHealth',
        summary: 'The process is alive',
        description: 'Responds as long as the process does; says nothing of the ledger.',
        tags: ['System'],
      },
    })
    .get(
      '/ready',
      async ({ set, status }) => {
        const { missing, degraded } = await readiness()
        set.headers['cache-control'] = 'no-store'
        const worse = isEmpty(degraded) ? {} : { degraded }
        if (isEmpty(missing)) return { status: 'ready' as const, ...worse }
        set.headers['retry-after'] = '5'
        return status(503, { status: 'not ready' as const, missing, ...worse })
      },
      {
        response: { 200: Ready, 503: NotReady },
        detail: {
          operationId: 'checkReadiness',
          summary: 'The gateway can serve, or what it lacks',
          description:
            '200 when this gateway can serve calls, and 503 with what is missing when it cannot.',
          tags: ['System'],
        },
      },
    )
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0
}
