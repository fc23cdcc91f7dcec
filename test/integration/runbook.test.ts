/** What the runbook tells somebody to type at three in the morning can be typed. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dir, '../..')
const runbook = readFileSync(join(root, 'docs/RUNBOOK.md'), 'utf8')

/** Options by the command that they are used with, as `keys find`. */
const used = new Map<string, Set<string>>()
for (const [, line = ''] of runbook.matchAll(/(?:`|^ {4})tollbook ([a-z][^`\n]*)/gm)) {
  const [typed = ''] = line.split(/\s[#<]/)
  const words = typed.split(' ')
  const end = words.findIndex((word) => !/^[a-z]+$/.test(word))
  const name = words.slice(0, end < 0 ? undefined : end).join(' ')
  const options = used.get(name) ?? new Set()
  for (const [option] of typed.matchAll(/--[a-z-]+/g)) options.add(option)
  used.set(name, options)
}

test('the runbook has commands', () => {
  expect([...used.keys()]).toEqual(expect.arrayContaining(['doctor', 'keys find', 'migrate']))
})

test.each([...used])(
  'tollbook %s exists, with the options it is used with',
  async (name, options) => {
    const cli = [process.execPath, join(root, 'src/cli/main.ts'), ...name.split(' '), '--help']
    const { exitCode, stdout } = Bun.spawnSync(cli, { env: { PATH: process.env.PATH ?? '' } })
    expect(exitCode).toBe(0)
    const help = stdout.toString()
    expect(help).toContain(`Usage: tollbook ${name}`)
    for (const option of options) expect(help).toContain(option)
  },
)
