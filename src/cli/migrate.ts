/** `tollbook migrate`: makes or updates the schema, as its owner. */
import { migrate } from '../ledger/migrate.ts'
import { command } from './command.ts'
import { databaseUrl } from './database.ts'
import { positiveInteger } from './options.ts'

export default command(
  { name: 'migrate', description: 'Create or update the schema of the book, as its owner.' },
  {
    database: { type: 'string', description: 'PostgreSQL URL of the owner (DATABASE_URL)' },
    shards: { type: 'string', description: 'Number of shards, chosen once', default: '1' },
    json: { type: 'boolean', description: 'Answer as JSON' },
  },
  async (args) => {
    const { applied } = await migrate({
      url: await databaseUrl(args),
      shards: positiveInteger('shards', args.shards),
    })
    if (args.json) console.log(JSON.stringify({ applied }))
    else console.log(applied.length > 0 ? `Applied: ${applied.join(', ')}.` : 'Up to date.')
  },
)
