/** `tollbook keys` */
import { group } from '../command.ts'

export default group(
  { name: 'keys', description: 'API keys: issue, look at, rotate, revoke, find.' },
  {
    create: () => import('./keys/create.ts'),
    list: () => import('./keys/list.ts'),
    show: () => import('./keys/show.ts'),
    rotate: () => import('./keys/rotate.ts'),
    revoke: () => import('./keys/revoke.ts'),
    find: () => import('./keys/find.ts'),
    report: () => import('./keys/report.ts'),
  },
)
