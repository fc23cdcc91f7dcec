/** Checks of what the gateway calls: the services behind it, and the key server of its tokens. */
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const timeoutMs = 3_000

export function checkServices(config: Config): Promise<Finding[]> {
  const used = new Set(
    Object.values(config.routes).flatMap(({ target }) =>
      target.kind === 'upstream' ? [target.service] : [],
    ),
  )
  return Promise.all(
    Object.entries(config.services)
      .filter(([name]) => used.has(name))
      .map(async ([name, { url, urlEnv, demo }]): Promise<Finding> => {
        if (url !== undefined) return reachable(`service ${name}`, url)
        const set = `Set ${urlEnv ?? `services.${name}.url`}`
        if (demo === undefined) return problem(`service ${name}`, 'no address', `${set}.`)
        return warning(
          `service ${name}`,
          'no address',
          `${set}: "tollbook up" lets its demo stand in, "tollbook serve" does not start.`,
        )
      }),
  )
}

export async function checkSignIn({ jwksUrl, jwtSecret }: Environment): Promise<Finding> {
  if (jwksUrl !== undefined) return reachable('sign-in', jwksUrl)
  if (jwtSecret === undefined) {
    return warning(
      'sign-in',
      'neither JWT_SECRET nor JWKS_URL is set',
      'Set one of them: "tollbook serve" does not start without ("tollbook up" makes a secret).',
    )
  }
  if (Buffer.byteLength(jwtSecret) >= 32) return ok('sign-in', 'JWT_SECRET is set')
  return warning(
    'sign-in',
    `JWT_SECRET has ${Buffer.byteLength(jwtSecret)} bytes`,
    'Make it 32 random bytes or more: who guesses it is an operator.',
  )
}

/** Any answer will do: what the path would say is the service's own affair. */
async function reachable(check: string, url: string): Promise<Finding> {
  // An address may carry a secret in its path.
  const { origin } = new URL(url)
  const startedAt = performance.now()
  try {
    const response = await fetch(url, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.body?.cancel()
    return ok(check, `${origin} answered in ${Math.round(performance.now() - startedAt)} ms`)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return problem(
      check,
      `${origin}: no answer (${reason.replaceAll(url, origin)})`,
      'Start it, or correct its address; calls of its routes are answered 502 and not charged.',
    )
  }
}
