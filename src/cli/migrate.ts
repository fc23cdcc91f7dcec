/** `tollbook migrate`: makes or updates the schema, as its owner. */
import { defineCommand } from 'citty'
import { migrate } from '../ledger/migrate.ts'
import { databaseUrl } from './database.ts'

export default defineCommand({
  meta: { name: 'migrate', description: 'Create or update the schema of the book, as its owner.' },
  args: {
    database: { type: 'string', description: 'PostgreSQL URL of the owner (DATABASE_URL)' },
    shards: { type: 'string', description: 'Number of shards, chosen once', default: '1' },
    json: { type: 'boolean', description: 'Answer as JSON' },
  },
  async run({ args }) {
    const { applied } = await migrate({
      url: await databaseUrl(args),
      shards: Number(args.shards),
    })
    if (args.json) console.log(JSON.stringify({ applied }))
    else console.log(applied.length > 0 ? `Applied: ${applied.join(', ')}.` : 'Up to date.')
  },
})
