/** `tollbook report lost` */
import { describeEvent } from '../../../../events/describe-event.ts'
import { printPosition, type RecordedEvent } from '../../../../events/event.ts'
import { readLedgerId } from '../../../ledger/append/high-water-marks.ts'
import { connect, type Sql } from '../../../ledger/connect.ts'
import {
  findLostRanges,
  type LostCharge,
  readLostCharges,
  readLostEvents,
} from '../../../reports/lost/read-lost-events.ts'
import { isSameDatabase } from '../../../reports/lost/same-database.ts'
import { command } from '../../command.ts'
import { databaseUrl } from '../../database.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { json } from '../../output.ts'
import { printLostCharges, printLostEvents } from '../../print/print-lost.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  copy: {
    type: 'string',
    valueHint: 'URL',
    description: 'PostgreSQL URL of the server that has the log as it was, restored to its end',
  },
  lines: { type: 'boolean', description: 'List every charge' },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'What a restored ledger has lost: the charges, refunds and decisions that a copy of the log has beyond the last event that both have.',
    examples: [
      'report lost --copy postgres://reader@db-2/app',
      'report lost --copy postgres://reader@db-2/app --lines --json',
    ],
  },
  args,
  async (args) => {
    const { copy: url, ...rest } = args
    if (url === undefined) {
      throw new UsageError(
        'lost of what? Name the server that has the log as it was: --copy postgres://reader@db-2/app',
      )
    }
    const copyUrl = await databaseUrl({ database: url, data: undefined })
    await withSql(rest, async (ledger) => {
      const copy = connect({ url: copyUrl, as: 'reader', max: 2 })
      try {
        if (await isSameDatabase(ledger, copy)) {
          throw new UsageError(
            '--copy leads to the ledger itself: name the server that has the log as it was.',
          )
        }
        if ((await readLedgerId(ledger)) !== (await readLedgerId(copy))) {
          throw new UsageError(
            'the two logs begin with different events: --copy has to be a copy of this ledger.',
          )
        }
        await report(ledger, copy, args)
      } finally {
        await copy.end({ timeout: 1 })
      }
    })
  },
)

async function report(
  ledger: Sql,
  copy: Sql,
  args: { readonly lines?: boolean | undefined; readonly json?: boolean | undefined },
): Promise<void> {
  const ranges = await findLostRanges(ledger, copy)
  const lost = await readLostEvents(copy, ranges)
  const charges = args.lines ? readLostCharges(copy, ranges) : undefined
  if (args.json) {
    const lines: LostCharge[] = []
    for await (const some of charges ?? []) lines.push(...some)
    return json({
      ...lost,
      decided: lost.decided.map(asJson),
      ...(charges && { charges: lines }),
    })
  }
  printLostEvents(lost)
  if (charges) await printLostCharges(charges)
}

function asJson(event: RecordedEvent) {
  const { recordedAt, type, accountId, keyId } = event
  const position = printPosition(event)
  return { position, recordedAt, type, accountId, keyId, summary: describeEvent(event) }
}
