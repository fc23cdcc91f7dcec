/** `tollbook migrate` */
import { migrateWithRebuild } from '../../projector/rebuild/migrate-with-rebuild.ts'
import { command } from '../command.ts'
import { databaseUrl } from '../database.ts'
import { databaseArgs } from '../options/ledger-args.ts'
import { parsePositiveInteger } from '../options/option-values.ts'
import { say } from '../output.ts'
import { openProgress } from '../progress.ts'

export default command(
  {
    description:
      'Create or update the schema of the ledger, as the owner of the schema. It also rebuilds the projections that changed.',
    examples: ['migrate --database postgres://owner@db/app'],
  },
  {
    ...databaseArgs,
    shards: {
      type: 'string',
      valueHint: 'N',
      description: 'Number of shards; chosen once, at the first migration',
      default: '1',
    },
    json: { type: 'boolean', description: 'Print JSON, for programs' },
  },
  async (args) => {
    const progress = openProgress({ lines: !args.json })
    try {
      const { applied, rebuilt } = await migrateWithRebuild({
        url: await databaseUrl(args),
        shards: parsePositiveInteger('--shards', args.shards),
        progress: progress.show,
      })
      progress.stop()
      if (args.json) return say(JSON.stringify({ applied, rebuilt }))
      if (applied.length > 0) say(`Applied: ${applied.join(', ')}.`)
      if (rebuilt.length > 0) say(`Rebuilt from the log: ${rebuilt.join(', ')}.`)
      if (applied.length + rebuilt.length === 0) say('Up to date.')
    } finally {
      progress.stop()
    }
  },
)
