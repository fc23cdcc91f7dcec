/** `tollbook config` */
import { group } from '../command.ts'

export default group(
  { name: 'config', description: 'The configuration file: check it, or print its schema.' },
  {
    check: () => import('./config/check.ts'),
    schema: () => import('./config/schema.ts'),
  },
)
