/** Checks the servers that a gateway sends requests to: the upstreams, and the key server of its tokens. */
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const timeoutMs = 3_000

export function checkUpstreams(config: Config): Promise<Finding[]> {
  const used = new Set(
    Object.values(config.routes).flatMap(({ target }) =>
      target.kind === 'upstream' ? [target.service] : [],
    ),
  )
  return Promise.all(
    Object.entries(config.services)
      .filter(([name]) => used.has(name))
      .map(async ([name, { url, urlEnv, demo }]): Promise<Finding> => {
        if (url !== undefined) return checkUrl(`upstream ${name}`, url)
        const set = `Set ${urlEnv ?? `services.${name}.url`}`
        if (demo === undefined) return problem(`upstream ${name}`, 'no address', `${set}.`)
        return warning(
          `upstream ${name}`,
          'no address',
          `${set}: "tollbook up" uses a demo instead, "tollbook serve" does not start.`,
        )
      }),
  )
}

export async function checkSignIn({ jwksUrl, jwtSecret }: Environment): Promise<Finding> {
  if (jwksUrl !== undefined) return checkUrl('sign-in', jwksUrl)
  if (jwtSecret === undefined) {
    return warning(
      'sign-in',
      'neither JWT_SECRET nor JWKS_URL is set',
      'Set one of them: "tollbook serve" does not start without ("tollbook up" creates a secret).',
    )
  }
  if (Buffer.byteLength(jwtSecret) >= 32) return ok('sign-in', 'JWT_SECRET is set')
  return warning(
    'sign-in',
    `JWT_SECRET has ${Buffer.byteLength(jwtSecret)} bytes`,
    'Make it 32 random bytes or more: whoever guesses it can sign in as an operator.',
  )
}

/** Whether a server responds at all. The status of its response does not matter. */
async function checkUrl(check: string, url: string): Promise<Finding> {
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
    return ok(check, `${origin} responded in ${Math.round(performance.now() - startedAt)} ms`)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return problem(
      check,
      `${origin}: no response (${reason.replaceAll(url, origin)})`,
      'Start it, or correct its address; calls of its routes get status 502 and are not charged.',
    )
  }
}
