/** The files of deploy/patroni and deploy/haproxy-postgres.cfg agree with each other, and with what docs/DEPLOY.md says of them. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { setUps } from '../failover/set-ups.ts'

const deploy = join(import.meta.dir, '../../deploy')
const read = (file: string) => readFileSync(join(deploy, file), 'utf8')
const filed = setUps.map(({ file }) => [file, parse(read(`patroni/${file}`))] as const)
const servers = ['db-1', 'db-2', 'db-3']

describe.each(filed)('%s', (_, patroni) => {
  const { dcs } = patroni.bootstrap

  test('uses the API of version 2, for which etcd has to be told', () => {
    expect(Object.keys(patroni)).toContain('etcd')
    expect(Object.keys(patroni)).not.toContain('etcd3')
    expect(read('patroni/etcd.env')).toContain('\nETCD_ENABLE_V2=true\n')
  })

  test('names the members of etcd as etcd names them', () => {
    const [, members = ''] = /ETCD_INITIAL_CLUSTER=(.*)/.exec(read('patroni/etcd.env')) ?? []
    const names = members.split(',').map((member) => member.split('=')[0])
    expect(patroni.etcd.hosts).toEqual(names.map((name) => `${name}:2379`))
  })

  test('gives a leader time to ask etcd twice before its lock ends', () => {
    expect(dcs.ttl).toBeGreaterThanOrEqual(dcs.loop_wait + 2 * dcs.retry_timeout)
    expect(dcs.ttl).toBeGreaterThanOrEqual(20)
  })

  test('never commits on the leader alone', () => {
    const { synchronous_commit, synchronous_standby_names } = dcs.postgresql.parameters
    expect(synchronous_commit).toBe('on')
    if (dcs.synchronous_mode) {
      expect(dcs.synchronous_mode_strict).toBe(true)
      expect(synchronous_standby_names).toBeUndefined()
    } else {
      const names = servers.map((name) => `"${name}"`).join(', ')
      expect(synchronous_standby_names).toBe(`ANY 1 (${names})`)
    }
  })
})

test('the set-ups differ in nothing but how a commit waits', () => {
  const [one, other] = filed.map(([, { bootstrap, ...rest }]) => {
    const { synchronous_mode: _, synchronous_mode_strict: __, postgresql, ...dcs } = bootstrap.dcs
    const { synchronous_standby_names: ___, ...parameters } = postgresql.parameters
    return { ...rest, bootstrap: { ...bootstrap, dcs: { ...dcs, ...postgresql, parameters } } }
  })
  expect(one).toEqual(other as object)
})

test('HAProxy leads to the servers, and asks Patroni where that listens', () => {
  const config = read('haproxy-postgres.cfg')
  const named = [...config.matchAll(/^ {4}server (\S+) (\S+)$/gm)].map(([, name, at]) => [name, at])
  expect(named).toEqual(servers.map((name) => [name, `${name}:5432`]))
  const [, port] = /check port (\d+)/.exec(config) ?? []
  for (const [, { restapi, postgresql }] of filed) {
    expect([restapi.listen, postgresql.listen]).toEqual([`0.0.0.0:${port}`, '0.0.0.0:5432'])
  }
})
