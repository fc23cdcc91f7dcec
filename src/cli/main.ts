/** The command line: `tollbook COMMAND`. This file lists the commands; each has a file of its own under commands/. */
import { version } from '../../package.json'
import { type CommandGroup, commandGroup } from './command.ts'
import { explainError } from './explain-error.ts'
import { complain, say } from './output.ts'
import { handleProcessFaults } from './process-faults.ts'

const tollbook: CommandGroup = {
  description:
    'A gateway that sells calls to APIs, keeps one append-only ledger and can prove every bill.',
  examples: ['up', 'keys create --user anna', 'report statement --account acc_… --month 2026-01'],
  commands: {
    up: () => import('./commands/up.ts'),
    serve: () => import('./commands/serve.ts'),
    demo: () => import('./commands/demo.ts'),
    migrate: () => import('./commands/migrate.ts'),
    doctor: () => import('./commands/doctor.ts'),
    clock: () => import('./commands/clock.ts'),
    config: {
      description: 'Check the configuration file, import one from OpenAPI, or print its schema.',
      commands: {
        check: () => import('./commands/config/check.ts'),
        import: () => import('./commands/config/import.ts'),
        schema: () => import('./commands/config/schema.ts'),
      },
    },
    token: () => import('./commands/token.ts'),
    keys: {
      description: 'API keys: create, list, rotate, revoke, find leaked ones.',
      commands: {
        create: () => import('./commands/keys/create.ts'),
        list: () => import('./commands/keys/list.ts'),
        show: () => import('./commands/keys/show.ts'),
        rotate: () => import('./commands/keys/rotate.ts'),
        budget: () => import('./commands/keys/budget.ts'),
        group: () => import('./commands/keys/group.ts'),
        revoke: () => import('./commands/keys/revoke.ts'),
        find: () => import('./commands/keys/find.ts'),
        report: () => import('./commands/keys/report.ts'),
      },
    },
    'operator-keys': {
      description: 'Operator keys, with which programs come as operators.',
      commands: {
        create: () => import('./commands/operator-keys/create.ts'),
        list: () => import('./commands/operator-keys/list.ts'),
        rotate: () => import('./commands/operator-keys/rotate.ts'),
        revoke: () => import('./commands/operator-keys/revoke.ts'),
      },
    },
    accounts: {
      description: 'Accounts: list, describe, note, put on a plan, limit, freeze, erase.',
      commands: {
        list: () => import('./commands/accounts/list.ts'),
        show: () => import('./commands/accounts/show.ts'),
        describe: () => import('./commands/accounts/describe.ts'),
        note: () => import('./commands/accounts/note.ts'),
        notes: () => import('./commands/accounts/notes.ts'),
        plan: () => import('./commands/accounts/plan.ts'),
        limits: () => import('./commands/accounts/limits.ts'),
        budget: () => import('./commands/accounts/budget.ts'),
        freeze: () => import('./commands/accounts/freeze.ts'),
        unfreeze: () => import('./commands/accounts/unfreeze.ts'),
        erase: () => import('./commands/accounts/erase.ts'),
      },
    },
    grants: {
      description: 'Credits: grant some, take some away, refund a charge.',
      commands: {
        add: () => import('./commands/grants/add.ts'),
        pack: () => import('./commands/grants/pack.ts'),
        adjust: () => import('./commands/grants/adjust.ts'),
        refund: () => import('./commands/grants/refund.ts'),
      },
    },
    prices: {
      description: 'Prices and plans: publish a file into the ledger, show, compare.',
      commands: {
        publish: () => import('./commands/prices/publish.ts'),
        show: () => import('./commands/prices/show.ts'),
        diff: () => import('./commands/prices/diff.ts'),
        import: () => import('./commands/prices/import.ts'),
      },
    },
    simulate: () => import('./commands/simulate.ts'),
    report: {
      description: 'Statements and usage, computed from the ledger.',
      commands: {
        statement: () => import('./commands/report/statement.ts'),
        usage: () => import('./commands/report/usage.ts'),
        top: () => import('./commands/report/top.ts'),
        lost: () => import('./commands/report/lost.ts'),
      },
    },
    explain: () => import('./commands/explain.ts'),
    events: () => import('./commands/events.ts'),
    export: {
      description: 'Write events or statements to a file: CSV, JSON lines or Parquet.',
      commands: {
        events: () => import('./commands/export/events.ts'),
        statements: () => import('./commands/export/statements.ts'),
      },
    },
    import: () => import('./commands/import.ts'),
    backup: () => import('./commands/backup.ts'),
    restore: () => import('./commands/restore.ts'),
    replay: () => import('./commands/replay.ts'),
    verify: () => import('./commands/verify.ts'),
  },
}

handleProcessFaults(explainAndExit)
const words = process.argv.slice(2)
try {
  // Asking for the version loads no command.
  if (words[0] === '--version' || words[0] === '-v') say(version)
  else {
    const program = (await commandGroup(tollbook, words)).name('tollbook')
    program.version(version, '-v, --version', 'Print the version')
    await program.parseAsync(words, { from: 'user' })
  }
} catch (error) {
  explainAndExit(error)
}

function explainAndExit(error: unknown): never {
  complain(`tollbook: ${explainError(error)}`)
  process.exit(1)
}
