/** `tollbook prices` */
import { group } from '../command.ts'

export default group(
  { name: 'prices', description: 'Prices and plans: publish them into the ledger, show, compare.' },
  {
    publish: () => import('./prices/publish.ts'),
    show: () => import('./prices/show.ts'),
    diff: () => import('./prices/diff.ts'),
  },
)
