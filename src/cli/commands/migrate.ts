/** `tollbook migrate`: makes or updates the schema, as its owner. */
import { deploy } from '../../projector/rebuild/deploy.ts'
import { command } from '../command.ts'
import { databaseUrl } from '../database.ts'
import { positiveInteger } from '../options/option-values.ts'
import { openProgress } from '../progress.ts'

export default command(
  { description: 'Create or update the schema of the ledger, as its owner.' },
  {
    database: { type: 'string', description: 'PostgreSQL URL of the owner (DATABASE_URL)' },
    shards: { type: 'string', description: 'Number of shards, chosen once', default: '1' },
    json: { type: 'boolean', description: 'Answer as JSON' },
  },
  async (args) => {
    const progress = openProgress({ lines: !args.json })
    try {
      const { applied, rebuilt } = await deploy({
        url: await databaseUrl(args),
        shards: positiveInteger('shards', args.shards),
        progress: progress.show,
      })
      progress.stop()
      if (args.json) return console.log(JSON.stringify({ applied, rebuilt }))
      if (applied.length > 0) console.log(`Applied: ${applied.join(', ')}.`)
      if (rebuilt.length > 0) console.log(`Built anew from the log: ${rebuilt.join(', ')}.`)
      if (applied.length + rebuilt.length === 0) console.log('Up to date.')
    } finally {
      progress.stop()
    }
  },
)
