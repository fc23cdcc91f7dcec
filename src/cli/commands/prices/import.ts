/** `tollbook prices import` */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Value } from '@sinclair/typebox/value'
import { ConfigError } from '../../../config/config-error.ts'
import { Credits } from '../../../config/file/file-schema.ts'
import { RatesError, type WrittenRates, writeRates } from '../../../config/import/write-rates.ts'
import { parseConfig } from '../../../config/load-config.ts'
import { readYaml } from '../../../config/yaml-file.ts'
import { parseDecimal } from '../../../lib/decimal.ts'
import { isMapping } from '../../../lib/is-mapping.ts'
import { printable } from '../../../lib/printable-text.ts'
import { type CatalogueRates, catalogueRates } from '../../../pricing/model-catalogue.ts'
import { tokenKinds } from '../../../pricing/token-kinds.ts'
import { command } from '../../command.ts'
import { parseList } from '../../options/option-values.ts'
import { json, say, table } from '../../output.ts'
import { unreadable } from '../../unreadable.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  file: {
    type: 'positional',
    required: true,
    description: "A JSON file of models and their costs, in the shape of LiteLLM's",
  },
  route: {
    type: 'string',
    valueHint: 'ID',
    required: true,
    description: 'The route into whose price the rates go; it is per token',
  },
  only: {
    type: 'string',
    valueHint: 'MODELS',
    required: true,
    description: 'The models, separated by commas; * stands for any letters',
  },
  credits: {
    type: 'string',
    valueHint: 'NUMBER',
    description:
      "Credits for one of the file's currency (default: those of a dollar, where the configuration's `credits` are USD)",
  },
  markup: {
    type: 'string',
    valueHint: 'FACTOR',
    default: '1',
    description: 'What the costs are multiplied by, such as 1.2',
  },
  ignore: {
    type: 'string',
    valueHint: 'RATES',
    description: 'Rates in the file that no call of the route can come to, such as *_batches',
  },
  config: {
    type: 'string',
    valueHint: 'FILE',
    default: 'tollbook.yaml',
    description: 'The configuration that is changed',
  },
  json: { type: 'boolean', description: 'Print JSON, for programs' },
} as const

export default command(
  {
    description:
      'Take rates of models from a published catalogue into the price of a route. What it cannot carry over, such as other rates above a number of tokens, is refused by name, and then nothing is written. Rates of other models in the table stay. Publish the file after it.',
    examples: [
      'prices import models.json --route chat --only small,large --credits 1000000 --markup 1.2',
      "prices import models.json --route chat --only 'small-*' --credits 1000000 --ignore '*_batches'",
    ],
  },
  args,
  async (args) => {
    const bytes = read(args.file)
    const { markup, config, route } = args
    const text = read(config).toString('utf8')
    // Only what it will be has to be a whole configuration: a schema may name a model already that has no rates yet.
    const before = readYaml(text)
    if (before.problems.length > 0) throw new ConfigError(config, before.problems)
    const credits = args.credits ?? creditsOf(before.value, config)
    const { rates } = requireAll(args.file, () =>
      catalogueRates(bytes.toString('utf8'), {
        only: parseList(args.only) ?? [],
        ignore: parseList(args.ignore) ?? [],
        markup: decimalOf('--markup', markup),
        credits: decimalOf('--credits', credits),
      }),
    )
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const catalogue = { sha256, markup, credits, models: Object.keys(rates) }
    const changed = written(config, () => writeRates(text, route, { rates, catalogue }))
    const { alsoChanged } = changed
    // What would be no configuration is not written.
    parseConfig({ text: changed.text, source: `${config}, with these rates,`, env: process.env })
    writeFileSync(config, changed.text)
    if (args.json) return json({ config, route, alsoChanged, catalogue, rates })
    table(
      ['Model', ...tokenKinds],
      Object.entries(rates).map(([model, of]) => [
        printable(model),
        ...tokenKinds.map((kind) => of[kind] ?? ''),
      ]),
    )
    say(`Written to routes.${route} of ${config}: credits for a million tokens.`)
    if (alsoChanged.length > 0) {
      say(
        `Changed with it, by its anchor: ${alsoChanged.map((id) => `routes.${printable(id)}`).join(', ')}.`,
      )
    }
  },
)

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** With six decimals, a dollar is a million credits. Costs in dollars are none in another currency. */
function creditsOf(file: unknown, config: string): string {
  const scale = isMapping(file) ? file.credits : undefined
  if (!Value.Check(Credits, scale)) {
    throw new UsageError(`${config} does not say how credits are shown: pass --credits.`)
  }
  if (scale.name === 'USD') return String(10n ** BigInt(scale.decimals))
  throw new UsageError(
    `${config} shows credits as ${printable(scale.name)}, and catalogues are in US dollars: pass --credits, how many credits a dollar is.`,
  )
}

function decimalOf(option: string, text: string) {
  const value = /^\d{1,15}(\.\d{1,15})?$/.test(text) ? parseDecimal(text) : undefined
  if (value && value.units > 0n) return value
  throw new UsageError(`${option} takes a number such as 1.2, not "${text}".`)
}

function requireAll(file: string, run: () => CatalogueRates): CatalogueRates {
  let found: CatalogueRates
  try {
    found = run()
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`${file} is not JSON: ${error.message}`)
    throw error
  }
  if (found.refused.length === 0) return found
  const lines = found.refused.map((reason) => `  ${printable(reason)}`).join('\n')
  throw new UsageError(
    `not all models can be taken from ${file}, and nothing was written:\n${lines}\nLeave them out of --only. Rates that no call of the route can come to are named in --ignore.`,
  )
}

function written(config: string, run: () => WrittenRates): WrittenRates {
  try {
    return run()
  } catch (error) {
    if (error instanceof RatesError) throw new UsageError(`${config}: ${error.message}.`)
    throw error
  }
}
