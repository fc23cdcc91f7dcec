// A port of 127.0.0.1 for a server that has to be told its port. Between our look and the server's start
// somebody else may take it: whoever starts the server tries again then.

import { createServer } from 'node:net'

/** `wanted` when nobody listens on it, otherwise a port that the system picks. */
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
