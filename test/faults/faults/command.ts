/** One command among others that the ledger cannot take, whatever the reason. */
import { eventTypeOfKind } from '../../../src/ledger/append/batch.ts'
import { expectThat, type Fault } from '../fault.ts'
import type { Line, Piece } from '../line.ts'
import type { Random } from '../random.ts'

const kinds = ['hold', 'settle', 'charge_on_lease'] as const
type Kind = (typeof kinds)[number]

/** How long a fault waits for a batch that it can poison. */
const maxWaitMs = 30_000

export const commandFaults: readonly Fault[] = [
  {
    name: 'command/poisoned',
    says: 'PostgreSQL cannot read one command of a batch: it alone is refused, and its neighbours go through',
    runs: 20,
    async strike({ fleet, calls, ledger }, load, random) {
      const { line, name } = random.pick(fleet.active)
      const kind = random.pick(kinds)
      const before = calls.length
      const poisoned = await poisonOne(line, kind, random)
      await load.calls(30)
      line.watch()
      const written = await ledger.sql`
        select from events where request_id = ${poisoned} and type = ${eventTypeOfKind[kind]}`
      expectThat(written.length === 0, `the poisoned ${kind} is written`)
      const since = calls.slice(before).filter(({ gateway }) => gateway === name)
      const mine = since.filter(({ requestId }) => requestId === poisoned)
      const informed = mine.filter(({ left, whole }) => whole && !left)
      const notRefused = informed.filter(({ code }) => code !== 'internal')
      expectThat(notRefused.length === 0, `poisoned ${kind}: got ${notRefused[0]?.status}`)
      const others = since.filter(
        ({ requestId, code = '' }) =>
          requestId !== poisoned && ['internal', 'ledger_unavailable'].includes(code),
      )
      const what = others.map(({ id, code }) => `${id} ${code}`)
      expectThat(others.length === 0, `not refused alone, a ${kind}: ${what}`)
    },
  },
]

/**
 * Poisons a command of this kind, of one of the next batches that have others, and again whenever it is sent. Returns its
 * request id, which PostgreSQL gets with a byte in it that no text has.
 */
async function poisonOne(line: Line, kind: Kind, random: Random): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let poisoned: string | undefined
  line.watch((piece) => {
    poisoned ??= random.chance(0.5) ? requestOf(piece, kind, random) : undefined
    if (!poisoned || !piece.isProducer || piece.towards !== 'server') return 'pass'
    resolve(poisoned)
    return poisonedBytes(piece.bytes, poisoned)
  })
  const late = Bun.sleep(maxWaitMs).then(() => undefined)
  const requestId = await Promise.race([promise, late])
  expectThat(requestId !== undefined, `no batch came with a ${kind} and others`)
  return requestId as string
}

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
/** The first columns of a batch of several commands, each a text with its length before it: kinds and request ids. */
const batchHead = new RegExp(`((?:[a-z_]+\\n)+[a-z_]+)[^]{4}((?:${uuid}\\n)+${uuid})`)

function requestOf(
  { towards, isProducer, bytes }: Piece,
  kind: Kind,
  random: Random,
): string | undefined {
  if (towards !== 'server' || !isProducer) return undefined
  const [, kinds = '', requests = ''] = batchHead.exec(bytes.toString('latin1')) ?? []
  const ids = requests.split('\n')
  const ofKind = ids.filter((_, i) => kinds.split('\n')[i] === kind)
  return ofKind.length > 0 ? random.pick(ofKind) : undefined
}

const noText = 0xff

function poisonedBytes(bytes: Buffer, requestId: string): Buffer {
  const copy = Buffer.from(bytes)
  for (let at = copy.indexOf(requestId); at >= 0; at = copy.indexOf(requestId, at)) {
    copy[at] = noText
  }
  return copy
}
