/** Runs one demo service as a process of its own: `bun src/demo/main.ts search --port 3021`. */

import { parseArgs } from 'node:util'
import { demoServiceNames, startDemoService } from './index.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '0' },
    hostname: { type: 'string', default: '127.0.0.1' },
  },
})
const name = demoServiceNames.find((known) => known === positionals[0])
const port = Number(values.port)
if (!name || positionals.length > 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(
    'Usage: bun src/demo/main.ts search|stt|tts|chat [--port 3021] [--hostname 127.0.0.1]',
  )
  process.exit(2)
}

const service = startDemoService(name, { port, hostname: values.hostname })
console.log(service.url)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void service.stop().then(() => process.exit(0)))
}
