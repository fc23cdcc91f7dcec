/** What a connection string means, and what is refused by its name. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { BadConnectionString } from '../../src/ledger/connection/connection-string.ts'
import { printHosts } from '../../src/ledger/connection/database-address.ts'
import {
  parseDatabaseUrl,
  resolveDatabaseUrl,
} from '../../src/ledger/connection/parse-database-url.ts'

const at = (name: string, port = 5432) => ({ name, port })
const file = import.meta.path

describe('a connection string in each of its forms', () => {
  test.each([
    ['postgres://me:pw@db/app', { hosts: [at('db')], user: 'me', password: 'pw', database: 'app' }],
    ['postgresql://me@db:5433/app', { hosts: [at('db', 5433)], password: '' }],
    ['postgres://h1,h2:5433/app', { hosts: [at('h1'), at('h2', 5433)], server: 'primary' }],
    [
      'postgres://h1:1,h2:2/app?target_session_attrs=any',
      { hosts: [at('h1', 1), at('h2', 2)], server: 'any' },
    ],
    ['postgres://h1,h2/app?port=6000', { hosts: [at('h1', 6000), at('h2', 6000)] }],
    ['postgres://me@[::1]:5433/app', { hosts: [at('::1', 5433)], server: 'any' }],
    ['postgres://[2001:db8::7],h2/app', { hosts: [at('2001:db8::7'), at('h2')] }],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/app', { hosts: [at('/var/run/postgresql')] }],
    ['postgres:///app?host=/var/run/postgresql&port=6', { hosts: [at('/var/run/postgresql', 6)] }],
    ['postgres:///app', { hosts: [at('localhost')], database: 'app' }],
    ['postgres://me@', { hosts: [at('localhost')], user: 'me', database: 'me' }],
    ['postgres://me:p%40%2F%3A%25%20w@db/a%2Fb', { password: 'p@/:% w', database: 'a/b' }],
    ['postgres://me:a:b?c#d@db/app', { password: 'a:b?c#d', hosts: [at('db')] }],
    ['postgres://db/app?user=me&password=a%26b', { user: 'me', password: 'a&b' }],
    ['postgres://db/app?host=h2', { hosts: [at('h2')] }],
    ['postgres://db/app?hostaddr=127.0.0.1', { hosts: [{ ...at('db'), address: '127.0.0.1' }] }],
    [
      'host=db port=5433 dbname=app user=me',
      { hosts: [at('db', 5433)], database: 'app', user: 'me' },
    ],
    [
      "host = h1,h2  password='it\\'s a \\\\ ' user=me",
      { hosts: [at('h1'), at('h2')], password: "it's a \\ " },
    ],
    ['hostaddr=::1 user=me', { hosts: [{ ...at('::1'), address: '::1' }] }],
    [
      'postgres://db/app?options=-c%20statement_timeout%3D5s',
      { options: '-c statement_timeout=5s' },
    ],
    ['postgres://db/app?application_name=shop', { applicationName: 'shop' }],
    ['postgres://db/app?fallback_application_name=shop', { applicationName: 'shop' }],
    [
      'postgres://db/app?connect_timeout=2&keepalives_idle=30',
      { connectTimeoutSeconds: 2, keepAliveSeconds: 30 },
    ],
    ['postgres://db/app?connect_timeout=0', { connectTimeoutSeconds: 5, keepAliveSeconds: 10 }],
    ['postgres://db/app?target_session_attrs=read-write', { server: 'read-write' }],
    [
      'postgres://db/app?channel_binding=prefer&gssencmode=disable&client_encoding=UTF8',
      { database: 'app' },
    ],
  ])('%s', (text, expected) => {
    expect(parseDatabaseUrl(text)).toMatchObject(expected)
  })

  test('any host, login and database come back as they were given', () => {
    const text = fc.string({ minLength: 1, unit: 'binary' }).filter((each) => !each.includes('\0'))
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const [name, secret, dbname] = [user, password, database].map((each) =>
          encodeURIComponent(each),
        )
        expect(parseDatabaseUrl(`postgres://${name}:${secret}@db/${dbname}`)).toMatchObject({
          ...{ user, password, database },
        })
        const quoted = [user, password, database].map((each) => each.replace(/['\\]/g, '\\$&'))
        const pairs = `user='${quoted[0]}' password='${quoted[1]}' dbname='${quoted[2]}'`
        expect(parseDatabaseUrl(pairs)).toMatchObject({ user, password, database })
      }),
    )
  })

  test('whatever is not understood is refused, and never repeated', () => {
    const secret = 'hunter2'
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        for (const text of [
          `postgres://me:${before}${secret}${after}@db/app?${after}`,
          `host=db password=${before}${secret}${after}`,
        ]) {
          try {
            parseDatabaseUrl(text)
          } catch (error) {
            expect(error).toBeInstanceOf(BadConnectionString)
            expect(String(error)).not.toContain(secret)
          }
        }
      }),
    )
  })
})

describe('TLS', () => {
  test.each([
    ['', { mode: 'prefer', direct: false, sendsServerName: true }],
    ['sslmode=disable', { mode: 'disable' }],
    ['sslmode=require', { mode: 'require', rootCertificate: undefined }],
    ['ssl=true', { mode: 'require' }],
    [`sslmode=require&sslrootcert=${file}`, { mode: 'verify-ca', rootCertificate: file }],
    [`sslmode=verify-ca&sslrootcert=${file}`, { mode: 'verify-ca' }],
    [`sslmode=verify-full&sslrootcert=${file}`, { mode: 'verify-full' }],
    ['sslrootcert=system', { mode: 'verify-full', rootCertificate: 'system' }],
    ['sslmode=require&sslnegotiation=direct&sslsni=0', { direct: true, sendsServerName: false }],
    ['sslcert=c&sslkey=k&sslpassword=p', { certificate: 'c', key: 'k', keyPassword: 'p' }],
    ['ssl_min_protocol_version=TLSv1.3', { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' }],
  ])('%p', (query, tls) => {
    expect(parseDatabaseUrl(`postgres://db/app?${query}`).tls).toMatchObject(tls)
  })
})

describe('what is refused, and why', () => {
  test.each([
    ['mysql://me:secret@db/app', 'expected postgres://user:password@host:port/database'],
    ['app', 'expected postgres://'],
    ['postgres://me:p@secret@db/app', 'write %40 for @'],
    ['postgres://me:p/secret@db/app', 'write %40 for @, %2F for /'],
    ['postgres://me:se%cret@db/app', 'password has a % that is no escape'],
    ['postgres://::1/app', 'an IPv6 address stands in [ ]'],
    ['postgres://db:0/app', 'a port is no number from 1 to 65535'],
    ['postgres://db:99999/app', 'a port is no number from 1 to 65535'],
    ['postgres://h1,h2,h3/app?port=1,2', 'there are 2 ports for 3 hosts'],
    ['postgres://h1,h2/app?hostaddr=127.0.0.1', 'hostaddr has 1 entries, host has 2'],
    ['postgres://db/app?sslmod=require', 'there is no parameter sslmod: did you mean sslmode?'],
    ['postgres://db/app?schema=x', 'there is no parameter schema'],
    ['postgres://db/app?sslmode=always', 'sslmode=always is none of disable, prefer'],
    ['postgres://db/app?sslmode=allow', 'sslmode=allow is not supported'],
    ['postgres://db/app?sslmode=verify-full', 'sslmode=verify-full needs sslrootcert=FILE'],
    ['postgres://db/app?sslmode=require&sslrootcert=system', 'needs sslmode=verify-full'],
    ['postgres://db/app?sslnegotiation=direct', 'needs sslmode=require'],
    [
      'postgres://db/app?channel_binding=require',
      'channel_binding=require is not supported: leave it out',
    ],
    ['postgres://db/app?gssencmode=require', 'gssencmode=require is not supported'],
    ['postgres://db/app?sslcrl=/x', 'sslcrl is not supported'],
    ['postgres://db/app?service=x', 'service is not supported'],
    ['postgres://db/app?require_auth=scram-sha-256', 'require_auth is not supported'],
    ['postgres://db/app?load_balance_hosts=random', 'load_balance_hosts=random is not supported'],
    ['postgres://db/app?target_session_attrs=master', 'target_session_attrs=master is none of'],
    ['postgres://db/app?connect_timeout=soon', 'connect_timeout is no number of seconds'],
    ["host=db password='secret", 'expected name=value pairs'],
    ['host=db secret', 'expected name=value pairs'],
  ])('%s', (text, message) => {
    const parse = () => parseDatabaseUrl(text)
    expect(parse).toThrow(BadConnectionString)
    expect(parse).toThrow(message)
    expect(parse).not.toThrow('secret')
  })
})

describe('the environment', () => {
  test('stands in for what the string does not say', () => {
    const env = {
      ...{ PGHOST: 'h1,h2', PGPORT: '6000', PGUSER: 'me', PGPASSWORD: 'pw', PGDATABASE: 'app' },
      ...{ PGSSLMODE: 'disable', PGAPPNAME: 'shop', PGOPTIONS: '-c jit=off' },
      ...{ PGCONNECT_TIMEOUT: '7', PGTARGETSESSIONATTRS: 'any' },
    }
    expect(parseDatabaseUrl(resolveDatabaseUrl('postgres://', env))).toMatchObject({
      ...{ hosts: [at('h1', 6000), at('h2', 6000)], user: 'me', password: 'pw', database: 'app' },
      ...{ tls: { mode: 'disable' }, applicationName: 'shop', options: '-c jit=off' },
      ...{ connectTimeoutSeconds: 7, server: 'any' },
    })
    expect(
      parseDatabaseUrl(resolveDatabaseUrl('postgres://you@db:1/x?sslmode=prefer', env)),
    ).toMatchObject({
      ...{ hosts: [at('db', 1)], user: 'you', database: 'x', tls: { mode: 'prefer' } },
    })
  })

  test.each([
    [
      { PGCHANNELBINDING: 'require' },
      'in the environment, PGCHANNELBINDING=require is not supported',
    ],
    [{ PGSERVICE: 'x' }, 'PGSERVICE in the environment is not supported: unset it'],
    [{ PGSSLCRL: '/x' }, 'PGSSLCRL in the environment is not supported'],
    [{ PGGSSENCMODE: 'require' }, 'PGGSSENCMODE'],
  ])('%p is refused', (env, message) => {
    expect(() => resolveDatabaseUrl('postgres://db/app', env)).toThrow(message)
  })
})

test('hosts are printed without the login', () => {
  const address = parseDatabaseUrl('postgres://me:secret@h1,[::1]:5433/app')
  expect(printHosts(address)).toBe('h1:5432, [::1]:5433')
})

test('every connection to a database is opened by the one parser', () => {
  const sources = [...new Bun.Glob('src/**/*.ts').scanSync('.')]
  const opening = sources.filter((source) =>
    /[ (]postgres\([^?]/.test(readFileSync(source, 'utf8')),
  )
  // The embedded server's own address, which we make ourselves, is the exception.
  expect(opening.sort()).toEqual([
    'src/ledger/connection/open-postgres.ts',
    'src/postgres/launch.ts',
  ])
})
