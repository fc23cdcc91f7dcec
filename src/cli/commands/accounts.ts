/** `tollbook accounts` */
import { group } from '../command.ts'

export default group(
  { name: 'accounts', description: 'Accounts: look at, put on a plan, limit, freeze, erase.' },
  {
    list: () => import('./accounts/list.ts'),
    show: () => import('./accounts/show.ts'),
    plan: () => import('./accounts/plan.ts'),
    limits: () => import('./accounts/limits.ts'),
    freeze: () => import('./accounts/freeze.ts'),
    unfreeze: () => import('./accounts/unfreeze.ts'),
    erase: () => import('./accounts/erase.ts'),
  },
)
