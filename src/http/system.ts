/** For machines: whether the process lives, and whether it can serve. */
import { Elysia } from 'elysia'

export interface SystemDeps {
  /** What the gateway cannot do without, by name: answers why it is missing, or undefined. */
  readonly checks: Readonly<Record<string, () => Promise<string | undefined>>>
}

export function systemRoutes({ checks }: SystemDeps) {
  return new Elysia({ name: 'system' })
    .get('/health', () => ({ status: 'ok' }), {
      detail: { summary: 'The process is alive', tags: ['System'] },
    })
    .get(
      '/ready',
      async ({ set }) => {
        const results = await Promise.all(
          Object.entries(checks).map(async ([name, check]) => [name, await check()] as const),
        )
        const missing = Object.fromEntries(results.filter(([, reason]) => reason !== undefined))
        if (Object.keys(missing).length === 0) return { status: 'ready' }
        set.status = 503
        set.headers['retry-after'] = '5'
        return { status: 'not ready', missing }
      },
      { detail: { summary: 'The gateway can serve, or what it lacks', tags: ['System'] } },
    )
}
