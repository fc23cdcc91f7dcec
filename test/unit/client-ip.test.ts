import { describe, expect, test } from 'bun:test'
import {
  clientIp,
  compileIpList,
  invalidIpEntries,
  ipAllowed,
} from '../../src/gate/authorize/client-ip.ts'

const socketAddress = '192.0.2.1'

function from(forwardedFor: string | null | undefined, trustedProxies: number): string {
  return clientIp({ socketAddress, forwardedFor, trustedProxies })
}

describe('the client address', () => {
  test('is the socket address when no proxy is trusted, whatever the header says', () => {
    expect(from('203.0.113.9', 0)).toBe(socketAddress)
    expect(from(undefined, 0)).toBe(socketAddress)
  })

  test('is the entry that the outermost trusted proxy wrote, counted from the right', () => {
    const chain = '6.6.6.6, 203.0.113.9, 10.0.0.2,10.0.0.3'
    expect(from(chain, 1)).toBe('10.0.0.3')
    expect(from(chain, 2)).toBe('10.0.0.2')
    expect(from(chain, 3)).toBe('203.0.113.9')
    expect(from('203.0.113.9', 1)).toBe('203.0.113.9')
  })

  test('a client cannot push its own entries past the trusted ones', () => {
    const forged = `${'1.1.1.1, '.repeat(1000)}203.0.113.9`
    expect(from(forged, 1)).toBe('203.0.113.9')
  })

  test('is the socket address when the chain is shorter than the configured proxies', () => {
    expect(from('203.0.113.9', 2)).toBe(socketAddress)
    expect(from('', 1)).toBe(socketAddress)
    expect(from(null, 1)).toBe(socketAddress)
    expect(from(',', 3)).toBe(socketAddress)
  })

  test('is the socket address when the entry is garbage', () => {
    const garbage = [
      'unknown',
      '_hidden',
      '999.1.1.1',
      '1.2.3',
      '1.2.3.4\0',
      '[::1',
      ',',
      'x'.repeat(10_000),
    ]
    for (const entry of [...garbage, '<script>', '[1.2.3.4]x', '1.2.3.4:http', '::1::']) {
      expect(from(`8.8.8.8, ${entry}`, 1)).toBe(socketAddress)
    }
  })

  test('comes without port, brackets and zone, and in one spelling', () => {
    expect(from('203.0.113.9:51234', 1)).toBe('203.0.113.9')
    expect(from('[2001:DB8:0:0::1]:443', 1)).toBe('2001:db8::1')
    expect(from('[2001:db8::1]', 1)).toBe('2001:db8::1')
    expect(from('FE80::1%eth0', 1)).toBe('fe80::1')
    expect(from('::ffff:203.0.113.9', 1)).toBe('203.0.113.9')
    expect(from('0:0:0:0:0:FFFF:cb00:7109', 1)).toBe('203.0.113.9')
    expect(from('::203.0.113.9', 1)).toBe('::cb00:7109')
  })

  test('of a socket that listens on both families is plain IPv4', () => {
    const mapped = { socketAddress: '::ffff:127.0.0.1', forwardedFor: null, trustedProxies: 0 }
    expect(clientIp(mapped)).toBe('127.0.0.1')
  })
})

describe('an allow list', () => {
  const cases: [list: string[], ip: string, allowed: boolean][] = [
    [[], '203.0.113.9', true],
    [['203.0.113.9'], '203.0.113.9', true],
    [['203.0.113.9'], '203.0.113.10', false],
    [['203.0.113.9'], '::ffff:203.0.113.9', true],
    [['10.0.0.0/8'], '10.255.255.255', true],
    [['10.0.0.0/8'], '11.0.0.0', false],
    [['10.1.2.3/8'], '10.200.0.1', true],
    [['203.0.113.8/31'], '203.0.113.9', true],
    [['203.0.113.8/31'], '203.0.113.10', false],
    [['0.0.0.0/0'], '203.0.113.9', true],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['2001:db8::/32'], '2001:db8:ffff::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['2001:DB8:0:0::1'], '2001:db8::1', true],
    [['::ffff:203.0.113.9'], '203.0.113.9', true],
    [['::ffff:10.0.0.0/104'], '10.1.1.1', true],
    [['192.0.2.1', '10.0.0.0/8', '::1'], '::1', true],
    [[' 203.0.113.9 '], '203.0.113.9', true],
    [['garbage'], '203.0.113.9', false],
    [['garbage', '203.0.113.9'], '203.0.113.9', true],
    [['0.0.0.0/0', '::/0'], 'garbage', false],
  ]
  for (const [list, ip, allowed] of cases) {
    test(`[${list.join(', ')}] ${allowed ? 'lets' : 'does not let'} ${ip} in`, () => {
      expect(ipAllowed(list, ip)).toBe(allowed)
      expect(ipAllowed(list, ip)).toBe(allowed)
    })
  }

  test('can be compiled once and asked', () => {
    const list = compileIpList(['10.0.0.0/8', 'garbage'])
    expect(list.check('10.1.1.1', 'ipv4')).toBe(true)
    expect(list.check('11.1.1.1', 'ipv4')).toBe(false)
  })

  test('names its invalid entries', () => {
    const valid = ['203.0.113.9', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::1/128']
    const invalid = [
      '',
      'garbage',
      '10.0.0',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0.0/',
      '10.0.0.0/8/8',
    ]
    const more = [
      '10.0.0.0/0x8',
      '::1/129',
      'fe80::1%eth0',
      '[::1]',
      '10.0.*',
      '10.0.0.0/ 8',
      '1.2.3.4:80',
    ]
    expect(invalidIpEntries([...valid, ...invalid, ...more])).toEqual([...invalid, ...more])
  })
})
