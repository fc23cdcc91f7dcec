/** Connecting as a connection string says: to the primary of several servers, over sockets of each kind, with TLS checked. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../../src/ledger/connect.ts'
import { isUnavailable } from '../../src/ledger/unavailable.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { makeCertificates } from '../support/certificates.ts'
import { runCli } from '../support/cli.ts'
import { type ServerPair, startServerPair } from '../support/standby.ts'

let pair: ServerPair
let certificates: string
let primary: string
let standby: string
let nothing: string

beforeAll(async () => {
  certificates = mkdtempSync(join(tmpdir(), 'tollbook-certificates-'))
  pair = await startServerPair(async (folder) => {
    for (const name of ['server', 'other']) await makeCertificates(certificates, name)
    for (const file of ['server.crt', 'server.key'])
      cpSync(join(certificates, file), join(folder, file))
    const at = (file: string) => join(folder, file)
    return { ssl: 'on', ssl_cert_file: at('server.crt'), ssl_key_file: at('server.key') }
  })
  primary = `127.0.0.1:${pair.primaryPort}`
  standby = `127.0.0.1:${pair.standbyPort}`
  nothing = `127.0.0.1:${await freePort()}`
})
afterAll(async () => {
  await pair.stop()
  rmSync(certificates, { recursive: true, force: true })
})

const url = (hosts: string, query = '') => `postgres://${pair.login}@${hosts}/postgres?${query}`

/** What a connection is to, and how: over TLS or not. */
async function reached(text: string) {
  const sql = connect({ url: text, as: 'owner', max: 1 })
  try {
    const [row] = await sql<[{ server: string; tls: boolean }]>`
      select case when pg_is_in_recovery() then 'standby' else 'primary' end as server,
        (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as tls`
    return row
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function refusal(text: string) {
  return reached(text).then(
    (found) => {
      throw new Error(`it was reached: ${JSON.stringify(found)}`)
    },
    (error) => error,
  )
}

describe('of several hosts', () => {
  test('the primary is found, in whichever order they stand', async () => {
    expect(await reached(url(`${primary},${standby}`))).toMatchObject({ server: 'primary' })
    expect(await reached(url(`${standby},${primary}`))).toMatchObject({ server: 'primary' })
    expect(await reached(url(`${nothing},${standby},${primary}`))).toMatchObject({
      server: 'primary',
    })
    const pairs = `host=127.0.0.1,127.0.0.1 port=${pair.standbyPort},${pair.primaryPort} dbname=postgres`
    const [user, password] = pair.login.split(':')
    expect(await reached(`${pairs} user=${user} password=${password}`)).toMatchObject({
      server: 'primary',
    })
  })

  test('the kind that is asked for is found', async () => {
    const hosts = `${primary},${standby}`
    const ask = (kind: string, among = hosts) => reached(url(among, `target_session_attrs=${kind}`))
    expect(await ask('standby')).toMatchObject({ server: 'standby' })
    expect(await ask('read-only')).toMatchObject({ server: 'standby' })
    expect(await ask('read-write', `${standby},${primary}`)).toMatchObject({ server: 'primary' })
    expect(await ask('prefer-standby')).toMatchObject({ server: 'standby' })
    expect(await ask('prefer-standby', `${nothing},${primary}`)).toMatchObject({
      server: 'primary',
    })
    expect(await ask('any', `${nothing},${standby}`)).toMatchObject({ server: 'standby' })
  })

  test('a primary that a setting makes read-only is still the primary', async () => {
    const readOnly = 'options=-c%20default_transaction_read_only%3Don'
    const found = await reached(url(`${standby},${primary}`, readOnly))
    expect(found).toMatchObject({ server: 'primary' })
  })

  test('none of the kind is an error that says it of each host, and that trying again may help', async () => {
    const error = await refusal(url(`${standby},${nothing}`))
    expect(error.message).toContain('found no primary among 2 hosts')
    expect(error.message).toContain(`${standby}: a standby`)
    expect(isUnavailable(error)).toBe(true)
    expect(error.message).not.toContain(pair.login.split(':')[1])
    const wrong = await refusal(url(`${standby},${primary}`).replace(pair.login, 'postgres:wrong'))
    expect(wrong).toMatchObject({ code: '28P01' })
  })

  test('a lone standby is reached where nothing else is asked for', async () => {
    expect(await reached(url(standby))).toMatchObject({ server: 'standby' })
    expect((await refusal(url(standby, 'target_session_attrs=primary'))).message).toContain(
      'a standby',
    )
  })

  test('commands print the hosts and never the password', async () => {
    const { stdout } = await runCli(['doctor', '--json'], {
      database: url(`${standby},${primary}`),
    })
    expect(stdout).toContain(`${standby}, ${primary}, as postgres`)
    const away = await runCli(['keys', 'list'], { database: url(`${standby},${nothing}`) })
    expect(away.status).toBe(1)
    expect(away.stderr).toContain('found no primary')
    const bad = await runCli(['migrate'], { database: url(primary, 'channel_binding=require') })
    expect(bad.stderr).toContain('channel_binding=require is not supported')
    for (const text of [stdout, away.stderr, bad.stderr]) {
      expect(text).not.toContain(pair.login.split(':')[1] as string)
    }
  })
})

describe('sockets', () => {
  test('a folder of Unix-domain sockets, in both forms', async () => {
    const { login, socketFolder, primaryPort } = pair
    const form = `postgres://${login}@/postgres?host=${socketFolder}&port=${primaryPort}`
    expect(await reached(form)).toEqual({ server: 'primary', tls: false })
    const encoded = encodeURIComponent(socketFolder)
    expect(await reached(`postgres://${login}@${encoded}:${primaryPort}/postgres`)).toMatchObject({
      tls: false,
    })
  })

  const hasIpv6 = networkInterfaces().lo?.some(({ address }) => address === '::1')
  test.skipIf(!hasIpv6)('an IPv6 address', async () => {
    expect(await reached(url(`[::1]:${pair.primaryPort}`))).toMatchObject({ server: 'primary' })
  })
})

describe('TLS', () => {
  const named = () => `localhost:${pair.primaryPort}`
  const roots = (file: string) => `sslrootcert=${join(certificates, file)}`

  test('is used where the server offers it, unless it is switched off', async () => {
    expect(await reached(url(primary))).toMatchObject({ tls: true })
    expect(await reached(url(primary, 'sslmode=disable'))).toMatchObject({ tls: false })
    expect(await reached(url(primary, 'sslmode=require'))).toMatchObject({ tls: true })
    expect(await reached(url(standby))).toMatchObject({ tls: false })
    expect((await refusal(url(standby, 'sslmode=require'))).message).toContain('offers no TLS')
  })

  test('verify-ca checks who signed the certificate, and verify-full for whom', async () => {
    expect(
      await reached(url(named(), `sslmode=verify-full&${roots('server-ca.crt')}`)),
    ).toMatchObject({ tls: true })
    expect(
      await reached(url(primary, `sslmode=verify-ca&${roots('server-ca.crt')}`)),
    ).toMatchObject({ tls: true })
    expect(
      (await refusal(url(primary, `sslmode=verify-full&${roots('server-ca.crt')}`))).message,
    ).toContain('127.0.0.1')
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      const error = await refusal(url(named(), `sslmode=${mode}&${roots('other-ca.crt')}`))
      expect([mode, error.message]).toEqual([mode, expect.stringContaining('TLS with localhost')])
    }
    expect((await refusal(url(named(), 'sslrootcert=system'))).message).toContain(
      'TLS with localhost',
    )
  })

  test('from the first byte, where that is asked for', async () => {
    const direct = `sslmode=verify-full&sslnegotiation=direct&${roots('server-ca.crt')}`
    expect(await reached(url(named(), direct))).toMatchObject({ tls: true })
  })
})
