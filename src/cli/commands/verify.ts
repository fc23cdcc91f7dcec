/** `tollbook verify` */
import { openVerifier } from '../../projector/verify/verifier.ts'
import { namedTrustedKeys } from '../backup/signing-keys.ts'
import { command } from '../command.ts'
import { databaseUrl } from '../database.ts'
import { ledgerArgs } from '../options/ledger-args.ts'
import { parseInteger, parseList, parsePositiveInteger } from '../options/option-values.ts'
import { json } from '../output.ts'
import { printVerification } from '../print/print-verification.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'
import { compareFiles } from '../verify/compare-files.ts'
import { watchLedger } from '../verify/watch-ledger.ts'

const args = {
  mark: {
    type: 'string',
    valueHint: 'FILE[,FILE]',
    description:
      "Compare with what was seen of the log: a gateway's --state file, or a backup, of which each event is compared",
  },
  'signed-by': {
    type: 'string',
    valueHint: 'FILE',
    description:
      'With --mark: the public key that has signed the backups (default: BACKUP_SIGNED_BY; without either, any backup is compared)',
  },
  most: {
    type: 'string',
    valueHint: 'N',
    description: 'Print at most so many faults of the log, and so many rows of each projection',
    default: '100',
  },
  watch: { type: 'boolean', description: 'Go on, and verify new events as they come' },
  every: {
    type: 'string',
    valueHint: 'SECONDS',
    description: 'With --watch: time between two checks',
    default: '10',
  },
  port: {
    type: 'string',
    valueHint: 'PORT',
    description: 'With --watch: serve metrics on this port of the loopback; 0 takes a free one',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Check every event of the log, and every row of every projection against the log. The status is 1 when anything differs. Gateways keep serving meanwhile.',
    examples: ['verify', 'verify --mark seen.json,ledger.jsonl.gz', 'verify --watch --port 9465'],
  },
  args,
  async (args) => {
    const maxDescribed = parsePositiveInteger('--most', args.most)
    const files = parseList(args.mark) ?? []
    const open = async () => openVerifier({ url: await databaseUrl(args), maxDescribed })
    if (args.watch) {
      if (files.length > 0) throw new UsageError('--mark does not go with --watch.')
      const everyMs = parsePositiveInteger('--every', args.every) * 1_000
      const port = args.port === undefined ? undefined : parseInteger('--port', args.port, 0)
      process.exit((await watchLedger(open, everyMs, port)) ? 0 : 1)
    }
    if (args.port !== undefined) throw new UsageError('--port goes with --watch.')
    const progress = openProgress({ lines: !args.json })
    const verifier = await open()
    try {
      const compared = await compareFiles(await databaseUrl(args), files, {
        readTrusted: () => namedTrustedKeys(args['signed-by']),
        ...{ maxDescribed, progress: progress.show },
      })
      const found = await verifier.run(progress.show)
      progress.stop()
      const sound = found.sound && compared.files.every(({ faulty }) => faulty === 0)
      const verification = { ...found, sound, ...compared }
      if (args.json) json(verification)
      else printVerification(verification)
      if (!sound) process.exitCode = 1
    } finally {
      progress.stop()
      await verifier.close()
    }
  },
)
