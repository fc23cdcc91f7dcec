/** `tollbook config check` */
import type { Config } from '../../../config/config.ts'
import { readEnvironment } from '../../../config/environment.ts'
import { loadConfig } from '../../../config/load-config.ts'
import { tariffHash, tariffOf } from '../../../config/tariff.ts'
import { shortPriceText } from '../../../pricing/price-text.ts'
import { command } from '../../command.ts'
import { dim, heading, json, table } from '../../output.ts'

const args = {
  file: { type: 'positional', required: false, description: 'The file (tollbook.yaml)' },
  json: { type: 'boolean', description: 'Print JSON, for programs' },
} as const

export default command(
  {
    description:
      'Check the configuration file and the environment variables; says everything that is wrong, with its line.',
    examples: ['config check', 'config check next-month.yaml --json'],
  },
  args,
  async (args) => {
    const config = loadConfig({ file: args.file, env: process.env })
    readEnvironment(process.env)
    const hash = tariffHash(tariffOf(config))
    if (args.json) return json({ file: config.file, valid: true, tariff: hash, ...summary(config) })
    console.log(`${config.file} is valid.`)
    console.log(dim(`Tariff ${hash}`))
    heading('Routes')
    table(
      ['Route', 'Method', 'Path', 'Permission', 'Price', 'Answered by'],
      Object.values(config.routes).map((route) => [
        route.id,
        route.method,
        route.path,
        route.permission,
        shortPriceText(route.price),
        route.target.kind === 'upstream' ? route.target.service : 'the configuration',
      ]),
    )
    heading('Services')
    table(
      ['Service', 'Live keys', 'Test keys'],
      Object.entries(config.services).map(([name, { url, urlEnv, testUrl, demo }]) => {
        const standIn = demo ? `demo "${demo}"` : ''
        return [name, url ?? (urlEnv ? `not set: ${urlEnv}` : standIn), testUrl ?? standIn]
      }),
    )
  },
)

function summary({ routes, plans, services }: Config) {
  return {
    routes: Object.keys(routes),
    plans: Object.keys(plans),
    services: Object.keys(services),
  }
}
