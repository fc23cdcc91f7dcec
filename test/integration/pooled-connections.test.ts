/** A connection pooler that shares sessions is found, by a gateway that starts and by `doctor`; one that keeps them is not. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { poolingFault } from '../../src/ledger/read/read-pooling.ts'
import { runCli } from '../support/cli.ts'
import { makeLogin } from '../support/logins.ts'
import { pgbouncer, startPgbouncer } from '../support/pgbouncer.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'

let ledger: Ledger
let login: Awaited<ReturnType<typeof makeLogin>>
beforeAll(async () => {
  ledger = await openLedger()
  login = await makeLogin(ledger, 'calls')
})
afterAll(async () => {
  await login.drop()
  await ledger.close()
})

/** What a PgBouncer has to be told so that it takes our connections at all. */
const ignored = {
  ignore_startup_parameters: [
    ...[
      'search_path',
      'role',
      'lock_timeout',
      'statement_timeout',
      'default_transaction_isolation',
      ...['synchronous_commit', 'jit', 'max_parallel_workers_per_gather'],
    ],
    ...[
      'tcp_keepalives_idle',
      'tcp_keepalives_interval',
      'tcp_keepalives_count',
      'tcp_user_timeout',
    ],
  ].join(),
}

/** The login begins each session with what connections ask for. */
async function setForLogin(): Promise<void> {
  await ledger.owner.unsafe(`
    alter role ${login.name} set role = 'tollbook_calls';
    alter role ${login.name} set search_path = tollbook, pg_temp;
    alter role ${login.name} set default_transaction_isolation = 'read committed'`)
}

async function through(settings: Record<string, string>, work: (url: string) => Promise<void>) {
  const pooler = await startPgbouncer(login.url, settings)
  try {
    await work(pooler.url)
  } finally {
    await pooler.stop()
  }
}

test('PostgreSQL itself shares no session', async () => {
  expect(await poolingFault(ledger.url, 'owner')).toBeUndefined()
  expect(await poolingFault(login.url, 'calls')).toBeUndefined()
})

test.skipIf(!pgbouncer)(
  'a PgBouncer as it comes is refused by serve and doctor, with the reason',
  async () => {
    await through({ pool_mode: 'transaction' }, async (url) => {
      const reason = 'a connection pooler refuses what connections ask for'
      const served = await runCli(['serve', '--plane', 'calls'], {
        database: url,
        env: { ...upstreams },
      })
      expect([served.status, served.stderr]).toEqual([
        1,
        expect.stringContaining(`DATABASE_URL: ${reason}`),
      ])
      expect(served.stderr).toContain('Let DATABASE_URL name PostgreSQL itself')
      expect(await doctorsFinding(url)).toMatchObject({
        status: 'problem',
        found: expect.stringContaining(reason),
      })
    })
  },
)

test.skipIf(!pgbouncer)('one that drops what connections ask for is refused', async () => {
  for (const pool_mode of ['transaction', 'session']) {
    await through({ pool_mode, ...ignored }, async (url) => {
      expect(await poolingFault(url, 'calls')).toContain('drops what connections ask for (role)')
      const served = await runCli(['serve', '--plane', 'calls'], {
        database: url,
        env: { ...upstreams },
      })
      expect([served.status, served.stderr]).toEqual([1, expect.stringContaining('(role)')])
    })
  }
})

test.skipIf(!pgbouncer)(
  'one that shares sessions is refused though the login has all settings, and one that keeps them is not',
  async () => {
    await setForLogin()
    for (const more of [{}, { default_pool_size: '1' }, { server_round_robin: '1' }]) {
      await through({ pool_mode: 'transaction', ...ignored, ...more }, async (url) => {
        expect(await poolingFault(url, 'calls')).toContain('(transaction pooling)')
      })
    }
    await through({ pool_mode: 'transaction', ...ignored }, async (url) => {
      const served = await runCli(['serve', '--plane', 'calls'], {
        database: url,
        env: { ...upstreams },
      })
      expect([served.status, served.stderr]).toEqual([
        1,
        expect.stringContaining('(transaction pooling)'),
      ])
      expect((await doctorsFinding(url))?.found).toContain('(transaction pooling)')
    })
    await through({ pool_mode: 'session', ...ignored }, async (url) => {
      expect(await poolingFault(url, 'calls')).toBeUndefined()
    })
  },
)

const upstreams = {
  SEARCH_SERVICE_URL: 'http://127.0.0.1:9',
  STT_SERVICE_URL: 'http://127.0.0.1:9',
  TTS_SERVICE_URL: 'http://127.0.0.1:9',
}

async function doctorsFinding(database: string) {
  const { stdout } = await runCli(['doctor', '--json'], { database })
  const { findings } = JSON.parse(stdout) as {
    findings: { check: string; status: string; found: string }[]
  }
  return findings.find(({ check }) => check === 'pooling')
}
