/** `tollbook demo` */
import { demoUpstreamNames, startDemoUpstream } from '../../demo/start-demo-upstream.ts'
import { command } from '../command.ts'
import { parseInteger } from '../options/option-values.ts'
import { json, say } from '../output.ts'
import { shutdownSignal } from '../shutdown-signal.ts'
import { UsageError } from '../usage-error.ts'

export default command(
  {
    description: 'Run only the demo upstreams, for gateways that run elsewhere.',
    examples: ['demo', 'demo --search 0 --stt 0 --tts 0 --chat 0 --anything 0 --json'],
  },
  {
    host: { type: 'string', description: 'Address to listen on', default: '127.0.0.1' },
    search: {
      type: 'string',
      valueHint: 'PORT',
      description: 'Port of search; 0 takes a free one',
      default: '3021',
    },
    stt: { type: 'string', valueHint: 'PORT', description: 'Port of stt', default: '3020' },
    tts: { type: 'string', valueHint: 'PORT', description: 'Port of tts', default: '3022' },
    chat: { type: 'string', valueHint: 'PORT', description: 'Port of chat', default: '3023' },
    anything: {
      type: 'string',
      valueHint: 'PORT',
      description: 'Port of anything, which keeps what is PUT and shows what it received',
      default: '3024',
    },
    json: { type: 'boolean', description: 'Print one JSON line when ready, and nothing else' },
  },
  async (args) => {
    const stopSignal = shutdownSignal()
    const ports = demoUpstreamNames.map((name) => ({ name, port: parsePort(name, args[name]) }))
    const demos = ports.map(({ name, port }) => ({
      name,
      ...startDemoUpstream(name, { port, hostname: args.host }),
    }))
    if (args.json) json(Object.fromEntries(demos.map(({ name, url }) => [name, url])))
    else for (const { name, url } of demos) say(`demo upstream "${name}" at ${url}`)
    await stopSignal
    await Promise.all(demos.map((demo) => demo.stop()))
    process.exit(0)
  },
)

function parsePort(name: string, text: string): number {
  const number = parseInteger(`--${name}`, text, 0)
  if (number <= 65_535) return number
  throw new UsageError(`--${name} takes a port of at most 65535, not ${number}.`)
}
