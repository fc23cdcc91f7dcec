/** `tollbook export` */
import { group } from '../command.ts'

export default group(
  {
    name: 'export',
    description:
      'The log, or statements, for spreadsheets and databases: CSV, JSON lines or Parquet.',
  },
  {
    events: () => import('./export/events.ts'),
    statements: () => import('./export/statements.ts'),
  },
)
