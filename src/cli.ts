/** The command line: `tollbook <command>`. One file a command, loaded when it is asked for. */
import { version } from '../package.json'
import { group } from './cli/command.ts'
import { explainAndExit } from './cli/errors.ts'
import { runLine } from './cli/run.ts'

const main = group(
  {
    name: 'tollbook',
    description:
      'An API-monetisation gateway that keeps one append-only book and can prove every bill.',
    examples: ['up', 'keys create --user anna', 'report statement --account acc_… --month 2026-01'],
  },
  {
    up: () => import('./cli/up.ts'),
    serve: () => import('./cli/serve.ts'),
    demo: () => import('./cli/demo.ts'),
    migrate: () => import('./cli/migrate.ts'),
    doctor: () => import('./cli/doctor.ts'),
    config: () => import('./cli/config.ts'),
    token: () => import('./cli/token.ts'),
    keys: () => import('./cli/keys.ts'),
    accounts: () => import('./cli/accounts.ts'),
    grants: () => import('./cli/grants.ts'),
    prices: () => import('./cli/prices.ts'),
    report: () => import('./cli/report.ts'),
    events: () => import('./cli/events.ts'),
    import: () => import('./cli/import.ts'),
    backup: () => import('./cli/backup.ts'),
    restore: () => import('./cli/restore.ts'),
    replay: () => import('./cli/replay.ts'),
    verify: () => import('./cli/verify.ts'),
  },
)

process.on('unhandledRejection', explainAndExit)
const words = process.argv.slice(2)
if (words[0] === '--version' || words[0] === '-v') console.log(version)
else await runLine(main, words)
