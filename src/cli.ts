/** The command line: `tollbook <command>`. One file a command, loaded when it is asked for. */
import { defineCommand, runMain } from 'citty'
import { version } from '../package.json'
import { explainAndExit } from './cli/errors.ts'

const main = defineCommand({
  meta: {
    name: 'tollbook',
    version,
    description:
      'An API-monetisation gateway that keeps one append-only book and can prove every bill.',
  },
  subCommands: {
    up: () => import('./cli/up.ts').then((m) => m.default),
    serve: () => import('./cli/serve.ts').then((m) => m.default),
    migrate: () => import('./cli/migrate.ts').then((m) => m.default),
    token: () => import('./cli/token.ts').then((m) => m.default),
    report: () => import('./cli/report.ts').then((m) => m.default),
  },
})

process.on('unhandledRejection', explainAndExit)
await runMain(main)
