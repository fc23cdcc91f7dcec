/** Options of the commands that work on the ledger. */

export const databaseArgs = {
  database: {
    type: 'string',
    valueHint: 'URL',
    description: 'PostgreSQL URL (default: DATABASE_URL, or "tollbook up" here)',
  },
  data: {
    type: 'string',
    valueHint: 'FOLDER',
    description: 'The folder of a "tollbook up", whose database and configuration are taken',
  },
} as const

export const ledgerArgs = {
  ...databaseArgs,
  json: { type: 'boolean', description: 'Print JSON, for programs' },
} as const

export const configArg = {
  config: {
    type: 'string',
    valueHint: 'FILE',
    description: 'Configuration file (default: that of the "tollbook up", or tollbook.yaml)',
  },
} as const

/** Options of the commands that change something in the ledger. */
export const changeArgs = {
  reason: {
    type: 'string',
    valueHint: 'TEXT',
    description: 'Why you do it; the ledger keeps it encrypted, for auditors',
  },
  ...configArg,
  ...ledgerArgs,
} as const
