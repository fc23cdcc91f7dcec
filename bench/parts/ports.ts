/** Ports for programs that cannot choose one for themselves. */

/** A port that is found free, and given up a moment before it is used. */
export function freePort(): number {
  const probe = Bun.listen({ port: 0, hostname: '127.0.0.1', socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}

/** Waits until a server responds, whatever it says. @throws when it has ended, or does not in that time */
export async function waitUntilResponding(
  url: string,
  isAlive: () => boolean,
  { name, seconds }: { name: string; seconds: number },
): Promise<void> {
  const deadline = performance.now() + seconds * 1_000
  while (performance.now() < deadline) {
    if (!isAlive()) throw new Error(`${name} ended before it was ready`)
    try {
      await (await fetch(url)).arrayBuffer()
      return
    } catch {
      await Bun.sleep(20)
    }
  }
  throw new Error(`${name} did not respond within ${seconds} s`)
}
