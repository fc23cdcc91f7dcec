/** Checks the servers that a gateway sends requests to: the upstreams, and the key server of its tokens. */
import type { Config, Upstream } from '../../config/config.ts'
import { printProblem, problemOf } from '../../config/config-error.ts'
import {
  type Credentials,
  calledServices,
  noCredentials,
  readCredentials,
  type Variable,
} from '../../config/upstream-credentials.ts'
import type { Fault } from '../../lib/fault.ts'
import { OwnQuery } from '../../proxy/upstream/own-query.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const timeoutMs = 3_000

/** @param variable the environment, for the credentials that the upstreams are sent */
export async function checkUpstreams(config: Config, variable: Variable): Promise<Finding[]> {
  const called = calledServices(config)
  const findings = await Promise.all(
    Object.entries(config.services)
      .filter(([name]) => called.has(name))
      .map(([name, service]) => checkUpstream(name, service, variable)),
  )
  return findings.flat()
}

/** A finding for each of its addresses. */
async function checkUpstream(
  name: string,
  service: Upstream,
  variable: Variable,
): Promise<Finding[]> {
  const check = `upstream ${name}`
  const { urls, urlEnv, testUrl, demo } = service
  if (urls.length === 0) {
    const set = `Set ${urlEnv ?? `services.${name}.url`}`
    if (demo === undefined) return [problem(check, 'no address', `${set}.`)]
    const advice = `${set}: "tollbook up" uses a demo instead, "tollbook serve" does not start.`
    return [warning(check, 'no address', advice)]
  }
  const missing: Fault[] = []
  const live = readCredentials(name, service, 'live', variable, missing)
  const test =
    testUrl === undefined ? live : readCredentials(name, service, 'test', variable, missing)
  if (missing.length > 0) {
    const found = missing.map((fault) => printProblem(problemOf(fault))).join('; ')
    return [problem(check, found, '"tollbook serve" does not start without.')]
  }
  return Promise.all([
    ...urls.map((url, index) =>
      checkUrl(urls.length === 1 ? check : `${check} ${index + 1}`, url, live),
    ),
    ...(testUrl === undefined ? [] : [checkUrl(`${check} for test keys`, testUrl, test)]),
  ])
}

/** Whether a server responds at all, and does not refuse the credentials. No other status matters. */
async function checkUrl(
  check: string,
  url: string,
  { headers, query }: Credentials = noCredentials,
): Promise<Finding> {
  // An address may carry a secret in its path.
  const { origin } = new URL(url)
  const startedAt = performance.now()
  try {
    const response = await fetch(new OwnQuery(query).addTo(url), {
      method: 'HEAD',
      headers: headers.map(([name, value]): [string, string] => [name, value.reveal()]),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.body?.cancel()
    const { status } = response
    if (headers.length + query.length > 0 && (status === 401 || status === 403)) {
      return warning(
        check,
        `${origin} refuses its address with status ${status}`,
        'Its credentials may be wrong; or they are for other paths than this one.',
      )
    }
    return ok(check, `${origin} responded in ${Math.round(performance.now() - startedAt)} ms`)
  } catch (error) {
    // The message can repeat the address, and with it what must not be shown.
    const reason = (error as { code?: string }).code ?? (error as Error).name
    return problem(
      check,
      `${origin}: no response (${reason})`,
      'Start it, or correct its address; calls of its routes get status 502 and are not charged.',
    )
  }
}
