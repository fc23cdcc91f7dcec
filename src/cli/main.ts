/** The command line: `tollbook <command>`. One file a command, loaded when it is asked for. */
import { version } from '../../package.json'
import { group } from './command.ts'
import { explainAndExit } from './errors.ts'
import { runLine } from './run.ts'

const main = group(
  {
    name: 'tollbook',
    description:
      'An API-monetisation gateway that keeps one append-only ledger and can prove every bill.',
    examples: ['up', 'keys create --user anna', 'report statement --account acc_… --month 2026-01'],
  },
  {
    up: () => import('./commands/up.ts'),
    serve: () => import('./commands/serve.ts'),
    demo: () => import('./commands/demo.ts'),
    migrate: () => import('./commands/migrate.ts'),
    doctor: () => import('./commands/doctor.ts'),
    config: () => import('./commands/config.ts'),
    token: () => import('./commands/token.ts'),
    keys: () => import('./commands/keys.ts'),
    accounts: () => import('./commands/accounts.ts'),
    grants: () => import('./commands/grants.ts'),
    prices: () => import('./commands/prices.ts'),
    simulate: () => import('./commands/simulate.ts'),
    report: () => import('./commands/report.ts'),
    explain: () => import('./commands/explain.ts'),
    events: () => import('./commands/events.ts'),
    export: () => import('./commands/export.ts'),
    import: () => import('./commands/import.ts'),
    backup: () => import('./commands/backup.ts'),
    restore: () => import('./commands/restore.ts'),
    replay: () => import('./commands/replay.ts'),
    verify: () => import('./commands/verify.ts'),
  },
)

process.on('unhandledRejection', explainAndExit)
const words = process.argv.slice(2)
if (words[0] === '--version' || words[0] === '-v') console.log(version)
else await runLine(main, words)
