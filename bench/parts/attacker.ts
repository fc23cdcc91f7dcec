/**
 * A process that attacks a gateway by what its credentials allow, as fast as responses come, until it is ended. It is one
 * client: what it costs the machine itself is part of what its neighbours feel.
 */
import { pathToFileURL } from 'node:url'
import { type Script, startScript } from './child.ts'

/** Requests that are sent over so many connections, over and over. */
export interface Attack {
  readonly connections: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Where it has one: what the body is, and how large. */
  readonly body?: { readonly kind: keyof typeof bodies; readonly size: number }
}

/** How often which status came, while it attacked. `0`: none came. */
export type Statuses = Readonly<Record<string, number>>

export interface Attacker {
  /** Ends the attack. */
  stop(): Promise<Statuses>
}

/** Resolves when its first request has had its response. */
export async function startAttacker(url: string, attacks: readonly Attack[]): Promise<Attacker> {
  const script: Script = await startScript(import.meta.path, [url, JSON.stringify(attacks)])
  return {
    async stop() {
      const statuses = (await script.ask('statuses')) as Statuses
      await script.stop()
      return statuses
    },
  }
}

const bodies = {
  /** JSON of so many unknown fields. */
  fields: (count: number) =>
    Buffer.from(
      JSON.stringify(
        Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, 'text'])),
      ),
    ),
  /** A form with a file of so many bytes that is said to be audio, and is noise. */
  noise: (bytes: number) =>
    Buffer.concat([
      Buffer.from(
        '--noise\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n',
      ),
      Buffer.alloc(bytes, 0xff),
      Buffer.from('\r\n--noise--\r\n'),
    ]),
  /** A change of a key with a description of so many characters. */
  description: (length: number) => Buffer.from(JSON.stringify({ description: 'x'.repeat(length) })),
} as const

async function attack(url: string, attacks: readonly Attack[]): Promise<void> {
  const statuses: Record<string, number> = {}
  const first = Promise.withResolvers<void>()
  const connection = async ({ method, path, headers, body }: Attack) => {
    const bytes = body && new Uint8Array(bodies[body.kind](body.size))
    for (;;) {
      let status = 0
      try {
        const response = await fetch(url + path, { method, headers, ...(bytes && { body: bytes }) })
        status = response.status
        await response.arrayBuffer()
      } catch {
        // A connection that was closed is opened again.
        await Bun.sleep(1)
      }
      statuses[status] = (statuses[status] ?? 0) + 1
      first.resolve()
    }
  }
  for (const each of attacks) {
    for (let n = 0; n < each.connections; n++) void connection(each)
  }
  process.on('message', () => process.send?.(statuses))
  await first.promise
  console.log(url)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , url = '', attacks = '[]'] = process.argv
  await attack(url, JSON.parse(attacks))
}
