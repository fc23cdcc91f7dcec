/** `tollbook config check` */
import type { Config, Upstream } from '../../../config/config.ts'
import { tariffHash, tariffOf } from '../../../config/tariff.ts'
import { shortPriceText } from '../../../pricing/price-text.ts'
import { command } from '../../command.ts'
import { loadForGateway } from '../../load-for-gateway.ts'
import { withSql } from '../../open-ledger.ts'
import { dim, heading, json, say, showCreditsAs, table } from '../../output.ts'
import { printPlans } from '../../print/print-tariff.ts'
import { requireSameScale } from '../../require-same-scale.ts'

const args = {
  file: {
    type: 'positional',
    required: false,
    description: 'Configuration file (default: tollbook.yaml)',
  },
  database: {
    type: 'string',
    valueHint: 'URL',
    description: 'A ledger, which the file has to show credits as',
  },
  json: { type: 'boolean', description: 'Print JSON, for programs' },
} as const

export default command(
  {
    description:
      'Check the configuration file and the environment variables. Everything that is wrong is printed at once, with its line; otherwise the routes and their prices.',
    examples: ['config check', 'config check next-month.yaml --json'],
  },
  args,
  async (args) => {
    const { config } = loadForGateway(args.file, process.env, { sells: true })
    const { database } = args
    if (database !== undefined) {
      await withSql({ database, data: undefined }, (sql) =>
        requireSameScale(sql, config, config.file),
      )
    }
    const hash = tariffHash(tariffOf(config))
    if (args.json) return json({ file: config.file, valid: true, tariff: hash, ...summary(config) })
    showCreditsAs(config.credits)
    say(`${config.file} is valid.`)
    say(dim(`Tariff ${hash}`))
    heading('Routes')
    table(
      ['Route', 'Method', 'Path', 'Permission', 'Price', 'Upstream'],
      Object.values(config.routes).map((route) => [
        route.id,
        route.methods.join(', '),
        route.path,
        route.permission,
        shortPriceText(route.price, config.credits),
        route.target.kind === 'upstream' ? route.target.service : 'none: a fixed response',
      ]),
    )
    printPlans(config.plans)
    heading('Upstreams')
    table(['Upstream', 'Live keys', 'Test keys', 'Adds'], Object.entries(config.services).map(row))
  },
)

/** What is added is named; its values are not shown. */
function row([name, service]: [string, Upstream]): string[] {
  const { urls, urlEnv, testUrl, demo, headers, query } = service
  const fallback = demo ? `demo "${demo}"` : ''
  const live = urls.length > 0 ? urls.join(', ') : urlEnv ? `not set: ${urlEnv}` : fallback
  const added = [...Object.keys(headers), ...Object.keys(query).map((parameter) => `?${parameter}`)]
  return [name, live, testUrl ?? fallback, added.join(', ')]
}

function summary({ routes, plans, services }: Config) {
  return {
    routes: Object.keys(routes),
    plans: Object.keys(plans),
    services: Object.keys(services),
  }
}
