/** `tollbook report` */
import { group } from '../command.ts'

export default group(
  { name: 'report', description: 'Statements and usage, computed from the ledger.' },
  {
    statement: () => import('./report/statement.ts'),
    usage: () => import('./report/usage.ts'),
    top: () => import('./report/top.ts'),
  },
)
