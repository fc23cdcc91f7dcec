/**
 * Gateways of the version before and of this one on one ledger: migrated while the old ones sell, replaced one by one, and put
 * back one by one. Run by hand, with a checkout of the version before and its node_modules:
 *
 *   TOLLBOOK_BEFORE=../tollbook-before ./tollbook test test/distributed/versions.test.ts
 */
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startBalancer } from '../support/balancer.ts'
import { keepAliveClient } from '../support/keep-alive-client.ts'
import { createDatabase } from '../support/postgres.ts'
import { rawPost } from '../support/raw-client.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const before = process.env.TOLLBOOK_BEFORE
const here = join(import.meta.dir, '../..')
const clients = 8

describe.skipIf(before === undefined)('gateways of two versions', () => {
  test('serve one ledger through a migration and back, and no call is lost or charged twice', async () => {
    const old = before ?? here
    const upstream = startUpstream()
    upstream.respond(async () => {
      await Bun.sleep(10)
      return Response.json({ results: [] })
    })
    const database = await createDatabase()
    const cwd = mkdtempSync(join(tmpdir(), 'tollbook-versions-'))
    const shipped = readFileSync(join(old, 'tollbook.yaml'), 'utf8')
    const ours = shipped
      .replace('rateLimit: 1000\n', 'rateLimit: 1000000\n')
      .replace('defaultPlan: free', 'defaultPlan: enterprise')
    writeFileSync(join(cwd, 'tollbook.yaml'), ours)
    const { url } = upstream
    const env = {
      ...{ DATABASE_URL: database.url, JWT_SECRET: jwtSecret, DRAIN_SECONDS: '2' },
      ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
      CONSOLE_PORT: 'off',
    }
    const programOf = (folder: string) => [process.execPath, join(folder, 'src/cli/main.ts')]
    const run = (folder: string, ...args: string[]) => {
      const { exitCode, stdout, stderr } = Bun.spawnSync([...programOf(folder), ...args], {
        ...{ cwd, env: { ...process.env, ...env } },
      })
      if (exitCode !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
      return args.includes('--json') ? JSON.parse(String(stdout)) : undefined
    }
    const serve = (folder: string) => startServe(env, { program: programOf(folder), cwd })
    run(old, 'migrate')
    run(old, 'prices', 'publish', 'tollbook.yaml')
    const balancer = await startBalancer()
    const gateways: ServeProcess[] = [await serve(old), await serve(old)]
    const sql = postgres(database.url, { max: 1, onnotice: () => {} })
    try {
      for (const gateway of gateways) await balancer.add(gateway.url)
      const key = run(old, 'keys', 'create', '--user', 'ada', '--json').key as string
      let over = false
      const call = await rawPost('/v1/search', key, { query: 'q' })
      const loads = Array.from({ length: clients }, async () => {
        const outcomes: (number | string)[] = []
        const client = keepAliveClient(balancer.url)
        while (!over) {
          outcomes.push(await client.call(call).catch((error) => String(error)))
          if (outcomes.length % 20 === 0) client.leave()
        }
        client.leave()
        return outcomes
      })
      const charges = async () => {
        const [row] = await sql<[{ count: number }]>`
          select count(*)::int as count from tollbook.events where type = 'HoldSettled'`
        return row?.count ?? 0
      }
      const sellsOn = async () => {
        const sold = await charges()
        await until(async () => (await charges()) > sold + 50, 30_000)
      }
      const replaceEach = async (folder: string) => {
        for (const [index, gateway] of [...gateways].entries()) {
          expect(await gateway.stop()).toBe(0)
          balancer.remove(gateway.url)
          gateways[index] = await serve(folder)
          await balancer.add(gateways[index].url)
          await sellsOn()
        }
      }
      await sellsOn()
      run(here, 'migrate')
      await sellsOn()
      await replaceEach(here)
      await replaceEach(old)
      await replaceEach(here)
      over = true
      const outcomes = (await Promise.all(loads)).flat()
      expect(outcomes.filter((outcome) => outcome !== 200)).toEqual([])
      expect(outcomes.length).toBeGreaterThan(500)
      expect([await charges(), upstream.executed.length]).toEqual([
        outcomes.length,
        outcomes.length,
      ])
      run(here, 'verify')
      console.log(`${outcomes.length} calls, all 200, each charged once`)
    } finally {
      await Promise.all(gateways.map((gateway) => gateway.stop()))
      await balancer.stop()
      await sql.end()
      await database.drop()
      rmSync(cwd, { recursive: true })
      await upstream.stop()
    }
  }, 600_000)
})
