/** `tollbook grants` */
import { group } from '../command.ts'

export default group(
  { name: 'grants', description: 'Credits given, taken away and given back.' },
  {
    add: () => import('./grants/add.ts'),
    adjust: () => import('./grants/adjust.ts'),
    refund: () => import('./grants/refund.ts'),
  },
)
