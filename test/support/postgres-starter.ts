// Starts the embedded PostgreSQL from a process of its own: `bun postgres-starter.ts FOLDER [SETTINGS]`, where
// SETTINGS is a JSON object. Prints `{url, port, pid, reused}` as one line of JSON, and then does nothing until
// its stdin closes.
//
// The shared server of a run is started like this because Bun, when a test times out, ends every process
// that the test's file has started: the server must not be one of them. Other tests want a starter to kill.

import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts'

const [dataDir = '', settings = '{}'] = process.argv.slice(2)
const { url, port, pid, reused } = await startEmbeddedPostgres({
  dataDir,
  settings: JSON.parse(settings),
})
console.log(JSON.stringify({ url, port, pid, reused }))
for await (const _ of Bun.stdin.stream()) {
  // Nothing is sent; only the end counts.
}
