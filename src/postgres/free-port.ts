// Finds a free port of 127.0.0.1, for a server that cannot choose one itself. Another process may take the port before
// the server does; whoever starts the server then tries again.

import { createServer } from 'node:net'

/** `wanted` if it is free, otherwise a port that the system chooses. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer()
  const listening = new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : wanted)
    })
  })
  try {
    return await listening
  } catch (error) {
    if (wanted !== 0) return freePort()
    throw error
  } finally {
    server.close()
  }
}
