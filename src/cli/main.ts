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
    up: () => import('./up.ts'),
    serve: () => import('./serve.ts'),
    demo: () => import('./demo.ts'),
    migrate: () => import('./migrate.ts'),
    doctor: () => import('./doctor.ts'),
    config: () => import('./config.ts'),
    token: () => import('./token.ts'),
    keys: () => import('./keys.ts'),
    accounts: () => import('./accounts.ts'),
    grants: () => import('./grants.ts'),
    prices: () => import('./prices.ts'),
    simulate: () => import('./simulate.ts'),
    report: () => import('./report.ts'),
    explain: () => import('./explain.ts'),
    events: () => import('./events.ts'),
    export: () => import('./export.ts'),
    import: () => import('./import.ts'),
    backup: () => import('./backup.ts'),
    restore: () => import('./restore.ts'),
    replay: () => import('./replay.ts'),
    verify: () => import('./verify.ts'),
  },
)

process.on('unhandledRejection', explainAndExit)
const words = process.argv.slice(2)
if (words[0] === '--version' || words[0] === '-v') console.log(version)
else await runLine(main, words)
