/** docs/FAULTS.md is written by two programs. */
import { expect, test } from 'bun:test'
import { failoverHeading, withFailover, withFaults } from '../faults/page.ts'

const failover = `${failoverHeading}\n\nold\n`

test('each program leaves the other one’s part as it is', () => {
  const first = withFaults('', '# Faults\n\nnew\n')
  expect(first).toBe('# Faults\n\nnew\n')
  const both = withFailover(first, failover)
  expect(both).toBe(`# Faults\n\nnew\n\n${failover}`)
  expect(withFaults(both, '# Faults\n\nnewer\n')).toBe(`# Faults\n\nnewer\n\n${failover}`)
  expect(withFailover(both, failover)).toBe(both)
  expect(withFailover(both, `${failoverHeading}\n`)).toBe(`# Faults\n\nnew\n\n${failoverHeading}\n`)
})
