/** `tollbook doctor`: looks at everything a gateway depends on, and says what to do. */
import { readEnvironment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import { command } from '../command.ts'
import { databaseUrl } from '../database.ts'
import { checkLedger } from '../doctor/check-ledger.ts'
import { checkServer } from '../doctor/check-postgres.ts'
import { checkRedis } from '../doctor/check-redis.ts'
import { checkServices, checkSignIn } from '../doctor/check-upstreams.ts'
import { type Finding, ok, problem } from '../doctor/finding.ts'
import { explain } from '../errors.ts'
import { configArg } from '../open-ledger.ts'
import { bold, dim, green, json, red, yellow } from '../output.ts'

const args = {
  ...configArg,
  database: { type: 'string', valueHint: 'URL', description: 'PostgreSQL URL (DATABASE_URL)' },
  json: { type: 'boolean', description: 'Print JSON, for programs' },
} as const

export default command(
  {
    description:
      'Check configuration, PostgreSQL, the ledger, Redis, services and clocks; ends with status 1 when something is wrong.',
    examples: ['doctor', 'doctor --json'],
  },
  args,
  async (args) => {
    const findings = await examine(args)
    const problems = findings.filter(({ status }) => status === 'problem').length
    if (args.json) json({ healthy: problems === 0, findings })
    else print(findings)
    if (problems > 0) process.exitCode = 1
  },
)

async function examine(args: {
  readonly config?: string | undefined
  readonly database?: string | undefined
}): Promise<Finding[]> {
  const config = attempt('configuration', () => loadConfig({ file: args.config, env: process.env }))
  const environment = attempt('environment', () => readEnvironment(process.env))
  const gateways = config.value?.gateways ?? 1
  const [database, redis, services] = await Promise.all([
    examineDatabase(args, config.value, gateways),
    environment.value ? checkRedis(environment.value.redisUrl, gateways) : [],
    config.value ? checkServices(config.value) : [],
  ])
  return [
    config.finding(({ file, routes }) => `${file}: ${Object.keys(routes).length} routes`),
    environment.finding(() => 'valid'),
    ...database,
    ...redis,
    ...services,
    ...(environment.value ? [await checkSignIn(environment.value)] : []),
  ]
}

/** What a gateway opens: a pool, a connection for metrics, and one a shard; here as if there were one. */
const connectionsOfGateway = 10

async function examineDatabase(
  args: { readonly database?: string | undefined },
  config: Parameters<typeof checkLedger>[1],
  gateways: number,
): Promise<Finding[]> {
  let url: string
  try {
    url = await databaseUrl(args)
  } catch (error) {
    return [problem('postgres', 'no address', explain(error))]
  }
  const server = await checkServer(url, gateways * connectionsOfGateway)
  const answers = server.some(({ check, status }) => check === 'postgres' && status === 'ok')
  const serves = server.some(({ check, status }) => check === 'roles' && status !== 'problem')
  return answers && serves ? [...server, ...(await checkLedger(url, config))] : server
}

/** What reading something gave, and the finding that it is or is not well. */
function attempt<T>(check: string, read: () => T) {
  try {
    const value = read()
    return { value, finding: (found: (value: T) => string) => ok(check, found(value)) }
  } catch (error) {
    return { value: undefined, finding: () => problem(check, 'not valid', explain(error)) }
  }
}

function print(findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const marks = { ok: green('ok     '), warning: yellow('warning'), problem: red('problem') }
  for (const { check, status, found, advice } of findings) {
    console.log(`${marks[status]}  ${check.padEnd(width)}  ${status === 'ok' ? dim(found) : found}`)
    if (advice)
      console.log(
        `${' '.repeat(width + 11)}${advice.replaceAll('\n', `\n${' '.repeat(width + 11)}`)}`,
      )
  }
  const count = (wanted: string) => findings.filter(({ status }) => status === wanted).length
  const [problems, warnings] = [count('problem'), count('warning')]
  const several = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  console.log(`\n${bold(`${several(problems, 'problem')}, ${several(warnings, 'warning')}.`)}`)
}
