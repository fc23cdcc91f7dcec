/** `tollbook doctor` */

import { type Environment, readEnvironment } from '../../config/environment.ts'
import type { Role } from '../../ledger/roles.ts'
import { printable } from '../../lib/printable-text.ts'
import { command } from '../command.ts'
import { configOf } from '../config-of.ts'
import { type DatabaseArgs, databaseUrl } from '../database.ts'
import { checkLedger } from '../doctor/check-ledger.ts'
import { checkLoginOf, checkPostgres } from '../doctor/check-postgres.ts'
import { checkRedis } from '../doctor/check-redis.ts'
import { checkReports } from '../doctor/check-reports.ts'
import { checkSignIn } from '../doctor/check-sign-in.ts'
import { checkToken } from '../doctor/check-token.ts'
import { checkUpstreams } from '../doctor/check-upstreams.ts'
import { type Finding, ok, problem } from '../doctor/finding.ts'
import { explainError } from '../explain-error.ts'
import { configArg, databaseArgs } from '../options/ledger-args.ts'
import { bold, dim, green, json, red, say, yellow } from '../output.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  ...configArg,
  ...databaseArgs,
  token: {
    type: 'string',
    valueHint: 'FILE',
    description: 'Also say what a gateway makes of the bearer token in this file (- for stdin)',
  },
  json: { type: 'boolean', description: 'Print JSON, for programs' },
} as const

export default command(
  {
    description:
      'Check everything that a gateway depends on, and say what to do. It looks at the configuration, PostgreSQL, the ledger, Redis, upstreams, sign-in and clocks, and changes nothing. The status is 1 when there is a problem.',
    examples: ['doctor', 'doctor --json', 'doctor --token token.txt'],
  },
  args,
  async (args) => {
    const token = args.token === undefined ? undefined : await readToken(args.token)
    const findings = await examine(args, token)
    const problems = findings.filter(({ status }) => status === 'problem').length
    if (args.json) json({ healthy: problems === 0, findings })
    else print(findings)
    if (problems > 0) process.exitCode = 1
  },
)

async function examine(
  args: DatabaseArgs & { readonly config?: string | undefined },
  token: string | undefined,
): Promise<Finding[]> {
  const config = attempt('configuration', () => configOf(args))
  const environment = attempt('environment', () => readEnvironment(process.env))
  const gateways = config.value?.gateways ?? 1
  const [database, redis, upstreams] = await Promise.all([
    examineDatabase(args, config.value, gateways, environment.value),
    environment.value ? checkRedis(environment.value.redisUrl, gateways) : [],
    config.value ? checkUpstreams(config.value, (name) => process.env[name]) : [],
  ])
  return [
    config.finding(({ file, routes }) => `${file}: ${Object.keys(routes).length} routes`),
    environment.finding(() => 'valid'),
    ...database,
    ...redis,
    ...upstreams,
    ...(environment.value ? await checkSignIn(environment.value) : []),
    ...(token !== undefined && config.value && environment.value
      ? [await checkToken(token, config.value, environment.value)]
      : []),
  ]
}

/** An argument would stand in the history of the shell, so the token is never one, nor repeated here. */
async function readToken(file: string): Promise<string> {
  try {
    const text = await (file === '-' ? Bun.stdin : Bun.file(file)).text()
    return text.trim().replace(/^bearer\s+/i, '')
  } catch {
    throw new UsageError('--token takes a file that has the token, or - for standard input.')
  }
}

async function examineDatabase(
  args: DatabaseArgs,
  config: Parameters<typeof checkLedger>[2],
  gateways: number,
  environment: Environment | undefined,
): Promise<Finding[]> {
  let url: string
  try {
    url = await databaseUrl(args)
  } catch (error) {
    return [problem('postgres', 'no address', explainError(error))]
  }
  const { managementDatabaseUrl: managementUrl, portalDatabaseUrl: portalUrl } = environment ?? {}
  const urls = { managementUrl, portalUrl }
  const reportsUrl = environment?.reportsDatabaseUrl
  const ofReports: Role[] = ['management', ...(portalUrl ? (['portal'] as const) : [])]
  const { findings, role } = await checkPostgres(url, gateways, urls)
  return [
    ...findings,
    ...(managementUrl ? [await checkLoginOf('management', managementUrl, gateways)] : []),
    ...(portalUrl ? [await checkLoginOf('portal', portalUrl, gateways)] : []),
    ...(role && reportsUrl ? [await checkReports(reportsUrl, url, ofReports)] : []),
    ...(role ? await checkLedger(url, role, config) : []),
  ]
}

/** Reads something. Returns its value, if it is valid, and the finding that says so or why not. */
function attempt<T>(check: string, read: () => T) {
  try {
    const value = read()
    return { value, finding: (found: (value: T) => string) => ok(check, found(value)) }
  } catch (error) {
    return { value: undefined, finding: () => problem(check, 'not valid', explainError(error)) }
  }
}

function print(findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const marks = { ok: green('ok     '), warning: yellow('warning'), problem: red('problem') }
  for (const { check, status, found, advice } of findings) {
    say(
      `${marks[status]}  ${check.padEnd(width)}  ${status === 'ok' ? dim(printable(found)) : printable(found)}`,
    )
    if (advice)
      say(`${' '.repeat(width + 11)}${advice.replaceAll('\n', `\n${' '.repeat(width + 11)}`)}`)
  }
  const count = (wanted: string) => findings.filter(({ status }) => status === wanted).length
  const [problems, warnings] = [count('problem'), count('warning')]
  const several = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  say(`\n${bold(`${several(problems, 'problem')}, ${several(warnings, 'warning')}.`)}`)
}
