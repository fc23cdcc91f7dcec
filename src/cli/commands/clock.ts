/** `tollbook clock`: compares the ledger's clock with this machine's, and confirms that the ledger's is right. */
import { confirmClock } from '../../ledger/commands/owner-commands.ts'
import { readClock } from '../../ledger/read/read-clock.ts'
import { readHeads } from '../../ledger/read/read-heads.ts'
import { command } from '../command.ts'
import { withOwnerSql, withSql } from '../open-ledger.ts'
import { ledgerArgs } from '../options/ledger-args.ts'
import { json, say, table } from '../output.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  confirm: {
    type: 'boolean',
    description: "Record in the log that the ledger's clock is right, so that gateways sell again",
  },
  reason: {
    type: 'string',
    valueHint: 'TEXT',
    description: 'With --confirm: how you know; the log keeps it unencrypted',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      "Show the ledger's clock, when its log was last written, and this machine's clock. Gateways sell nothing while the ledger's clock has jumped ahead and is not theirs: set the wrong clock right, or confirm the ledger's as the owner of the schema.",
    examples: ['clock', 'clock --confirm --reason "checked against two time servers"'],
  },
  args,
  async (args) => {
    if (args.confirm !== (args.reason !== undefined ? true : undefined)) {
      throw new UsageError('--confirm and --reason go together: the log has to say how you know.')
    }
    const { reason } = args
    if (reason !== undefined) {
      await withOwnerSql(args, async (sql) => {
        for (const { shard } of await readHeads(sql)) await confirmClock(sql, shard, reason)
      })
    }
    const clocks = await withSql(args, async (sql) => ({
      here: new Date().toISOString(),
      ledger: (await readClock(sql)).toISOString(),
      heads: await readHeads(sql),
    }))
    const leadSeconds = Math.round((Date.parse(clocks.ledger) - Date.parse(clocks.here)) / 1_000)
    const heads = clocks.heads.map(({ shard, recordedAt }) => ({ shard, recordedAt }))
    if (args.json) return json({ ...clocks, heads, leadSeconds, confirmed: args.confirm === true })
    table(
      ['Clock', 'Time'],
      [
        ['this machine', clocks.here],
        ['ledger', clocks.ledger],
        ...heads.map(({ shard, recordedAt }) => [`last event of shard ${shard}`, recordedAt]),
      ],
    )
    say(`The ledger's clock is ${leadSeconds} s ahead of this machine's.`)
    if (args.confirm) say("The ledger's clock is confirmed: gateways sell again.")
  },
)
