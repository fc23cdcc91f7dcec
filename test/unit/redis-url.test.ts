import { describe, expect, test } from 'bun:test'
import { BadRedisUrl, parseRedisUrl } from '../../src/config/redis-url.ts'
import { masterOf, mastersOfSlots } from '../../src/gate/rate-limit/redis-masters.ts'
import { slotOf, tagInSlot } from '../../src/gate/rate-limit/redis-slots.ts'

describe('REDIS_URL', () => {
  test('is one server, with its login and its database', () => {
    expect(parseRedisUrl('redis://cache')).toEqual({
      ...{ kind: 'server', hosts: [{ host: 'cache', port: 6379 }], login: {}, database: 0 },
    })
    expect(parseRedisUrl('redis://ann:p%40ss:x@[::1]:7000/3')).toEqual({
      ...{ kind: 'server', hosts: [{ host: '::1', port: 7000 }], database: 3 },
      login: { username: 'ann', password: 'p@ss:x' },
    })
    expect(parseRedisUrl('redis://:pw@cache/').login).toEqual({ password: 'pw' })
  })

  test('is a Cluster, by some of its nodes', () => {
    expect(parseRedisUrl('redis+cluster://u:p@a:7000,b,c:7002')).toMatchObject({
      kind: 'cluster',
      hosts: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
        { host: 'c', port: 7002 },
      ],
    })
  })

  test('is a master that Sentinels watch, which may have a login of their own', () => {
    expect(
      parseRedisUrl(
        'redis+sentinel://u:p@a,b:26380/limits/2?sentinelUsername=s&sentinelPassword=%26',
      ),
    ).toEqual({
      kind: 'sentinel',
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26380 },
      ],
      login: { username: 'u', password: 'p' },
      database: 2,
      sentinel: { master: 'limits', login: { username: 's', password: '&' } },
    })
  })

  test('asks for TLS, with files of its own', () => {
    expect(parseRedisUrl('rediss://cache').tls).toEqual({})
    expect(
      parseRedisUrl('rediss+cluster://a,b?sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem').tls,
    ).toEqual({ rootCertificate: '/ca.pem', certificate: '/c.pem', key: '/k.pem' })
  })

  test.each([
    ['cache:secret', /^expected redis:/],
    ['redis+proxy://cache', /^expected redis:/],
    ['redis://a,b', /write redis\+cluster/],
    ['redis://secret@cache', /user:password/],
    ['redis://:se/cret@cache', /cannot be read/],
    ['redis://:se%cret@cache', /no escape/],
    ['redis://cache:70000', /cannot be read/],
    ['redis://cache/one', /is a number/],
    ['redis://cache/1/2', /one number/],
    ['redis+cluster://a,b/1', /no databases/],
    ['redis+sentinel://a,b', /master-name/],
    ['redis+sentinel://a,b/limits/0/secret', /master-name/],
    ['redis://cache?sslrootcert=/ca.pem', /write rediss/],
    ['rediss://cache?sslrootcerts=/ca.pem', /did you mean sslrootcert\?/],
    ['rediss://cache?sslcert=/c.pem', /belong together/],
    ['redis://cache?family=6', /of such a name/],
    ['redis://:abc?secret=x@cache', /write %3F for \?/],
    ['redis://cache?sentinelName=limits', /no parameter sentinelName/],
    ['redis://cache?se:cret=1', /of such a name/],
  ])('%p is refused, without the secret', (text, message) => {
    let error: unknown
    try {
      parseRedisUrl(text)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(BadRedisUrl)
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message).not.toContain('secret')
  })
})

describe('the masters of slots', () => {
  const asked = { host: '10.0.0.9', port: 6379 }
  const line = (address: string, flags: string, epoch: number, slots: string) =>
    `0123456789abcdef ${address} ${flags} - 0 0 ${epoch} connected ${slots}`

  test('are read of ranges and single slots, not of those on their way', () => {
    const text = [
      line('10.0.0.1:7000@17000,a.example', 'master', 1, '0-99 16383 [100->-fedc]'),
      line(':7001@17001', 'myself,master', 2, '100-16382'),
      line('10.0.0.3:7002@17002', 'slave', 1, ''),
    ].join('\n')
    const slots = mastersOfSlots([{ text, asked }], false)
    expect(slots).toHaveLength(16_384)
    expect(slots[99]).toEqual({ host: '10.0.0.1', port: 7000 })
    expect(slots[16_383]).toEqual({ host: '10.0.0.1', port: 7000 })
    expect(slots[100]).toEqual({ host: '10.0.0.9', port: 7001 })
    expect(mastersOfSlots([{ text, asked }], true)[0]).toEqual({ host: 'a.example', port: 7000 })
  })

  test('are those with the highest epoch, whoever is asked first', () => {
    const before = { text: line('10.0.0.1:7000@17000', 'master', 1, '0-16383'), asked }
    const after = { text: line('10.0.0.2:7000@17000', 'master', 7, '0-16383'), asked }
    for (const views of [
      [before, after],
      [after, before],
    ]) {
      expect(mastersOfSlots(views, false)[5]?.host).toBe('10.0.0.2')
    }
  })

  test('one behind Sentinels is the address of its own of the highest epoch, while the fields still have the one before', () => {
    const before = ['name', 'limits', 'ip', '10.0.0.1', 'port', '6379', 'config-epoch']
    const switched = { fields: [...before, '8'], address: ['10.0.0.2', '6380'] }
    const late = { fields: [...before, '7'], address: ['10.0.0.1', '6379'] }
    for (const views of [
      [switched, late],
      [late, switched],
    ]) {
      expect(masterOf(views)).toEqual({ host: '10.0.0.2', port: 6380 })
    }
  })

  test('a tag is found for a slot', () => {
    for (const slot of [0, 1, 8_191, 16_383]) expect(slotOf(`x:${tagInSlot(slot)}:y`)).toBe(slot)
  })
})
