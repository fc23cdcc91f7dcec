/**
 * `tollbook keys find`: finds the keys that a text gives away. It reads the text from standard input, because the shell
 * keeps command lines in its history, and everybody on the machine can see them. It prints ids and line numbers, and
 * never a key.
 */
import { createInterface } from 'node:readline'
import { keyHashesIn } from '../../../gate/authenticate/keys-in-text.ts'
import type { KeyView } from '../../../management/key-view.ts'
import { findKeysBySecret, type KeyOfSecret } from '../../../reports/account/find-keys-by-secret.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { dim, formatNumber, json, say, table, time } from '../../output.ts'
import { stateOf } from '../../print/print-key.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  stdin: { type: 'boolean', description: 'Read the text from standard input' },
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Find the keys in a text, such as a leaked file. The text is read from stdin, and no key is printed.',
    examples: ['keys find --stdin < leaked.txt', 'keys find --stdin --json < access.log'],
  },
  args,
  async (args) => {
    if (!args.stdin) {
      throw new UsageError(
        'pass --stdin and the text on standard input; never a key as an argument.',
      )
    }
    const { found, unknown } = await withLedger(args, async ({ sql, management, environment }) => {
      const lines = await readLines((line) => keyHashesIn(line, environment.keyPrefixes))
      const secrets = await findKeysBySecret(sql, [...lines.keys()])
      const known = new Set(secrets.map(({ hash }) => hash))
      return {
        found: await Promise.all(
          secrets.map(async (secret) => {
            const key = await management.readKey('everyone', secret.keyId)
            return finding(secret, lines.get(secret.hash) ?? [], key)
          }),
        ),
        unknown: [...lines].filter(([hash]) => !known.has(hash)).map(([, at]) => ({ lines: at })),
      }
    })
    if (args.json) json({ found, unknown })
    else print(found, unknown)
  },
)

interface Finding extends Omit<KeyOfSecret, 'hash'> {
  readonly display: string | null
  readonly state: string | null
  /** Line numbers, counted from 1; the first thousand. */
  readonly lines: readonly number[]
}

const maxLines = 1_000

/** The hashes of the keys in standard input, each with the numbers of its lines. */
async function readLines(hashesIn: (line: string) => string[]): Promise<Map<string, number[]>> {
  const lines = new Map<string, number[]>()
  let number = 0
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    number++
    for (const hash of hashesIn(line)) {
      const known = lines.get(hash) ?? []
      lines.set(hash, known)
      if (known.length < maxLines && known.at(-1) !== number) known.push(number)
    }
  }
  return lines
}

function finding(
  { hash: _, ...secret }: KeyOfSecret,
  lines: readonly number[],
  key: KeyView | undefined,
): Finding {
  return { ...secret, display: key?.display ?? null, state: key ? stateOf(key) : null, lines }
}

function print(found: readonly Finding[], unknown: readonly { lines: readonly number[] }[]): void {
  if (found.length > 0) {
    table(
      ['Key', 'Account', 'Display', 'State', 'Secret found', 'Lines'],
      found.map((key) => [
        key.keyId,
        key.accountId,
        key.display ?? '',
        key.state ?? '',
        secretText(key),
        someLines(key.lines),
      ]),
    )
    say(dim('\n"tollbook keys rotate" gives a key a new secret, "keys revoke" revokes it,'))
    say(dim('"keys report" prints what it did.'))
  }
  for (const { lines } of unknown) {
    say(`Line ${someLines(lines)}: has the shape of a key, but this ledger has never had it.`)
  }
  if (found.length + unknown.length === 0) say('Nothing in the text has the shape of a key.')
}

function secretText({ secret, worksUntil, state }: Finding): string {
  if (secret === 'replaced') return 'replaced: it no longer works'
  if (state !== 'active') return 'does not work: see State'
  return secret === 'current' ? 'works' : `works until ${time(worksUntil ?? '')}`
}

function someLines(lines: readonly number[]): string {
  const shown = lines.slice(0, 5).map(formatNumber).join(', ')
  return lines.length > 5 ? `${shown}, …` : shown
}
