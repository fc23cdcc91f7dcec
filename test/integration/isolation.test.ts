/** An append sees, once it has the lock, what was written before it: whatever isolation the server has as its default. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'bun:test'
import { openManagementCommands } from '../../src/ledger/commands/management-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

test.each(['serializable', 'repeatable read'])(
  'a command that has waited for the lock is executed where the default is %s',
  async (level) => {
    const name = new URL(ledger.url).pathname.slice(1)
    await ledger.owner.unsafe(
      `alter database ${name} set default_transaction_isolation = '${level}'`,
    )
    const sql = connect({ url: ledger.url, as: 'management', max: 1 })
    onTestFinished(() => sql.end({ timeout: 5 }))
    const { accountId } = await ledger.account()
    const adjust = () =>
      openManagementCommands(sql, 'waiting').adjust(0, {
        ...{ accountId, mode: 'live', credits: 1, actor: 'test' },
      })
    expect((await adjust()).verdict).toBe('ok')
    const waiting = await ledger.owner.begin(async (tx) => {
      await tx`update heads set clock_at = clock_at`
      const adjusted = adjust()
      adjusted.catch(() => {})
      await until(async () => {
        const [row] = await ledger.sql<{ count: number }[]>`
          select count(*) as count from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`
        return row?.count === 1
      })
      return { adjusted }
    })
    expect((await waiting.adjusted).verdict).toBe('ok')
  },
)
