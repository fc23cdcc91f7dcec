/** `tollbook demo`: the demo services alone, for gateways that run elsewhere. */
import { demoServiceNames, startDemoService } from '../../demo/index.ts'
import { command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { integer } from '../options/option-values.ts'
import { json } from '../output.ts'
import { shutdownSignal } from '../shutdown-signal.ts'

export default command(
  {
    description: 'Run the demo services alone, for gateways that run elsewhere.',
    examples: ['demo', 'demo --search 0 --stt 0 --tts 0 --chat 0 --json'],
  },
  {
    host: { type: 'string', description: 'Address to listen on', default: '127.0.0.1' },
    search: { type: 'string', valueHint: 'PORT', description: 'Port of search', default: '3021' },
    stt: { type: 'string', valueHint: 'PORT', description: 'Port of stt', default: '3020' },
    tts: { type: 'string', valueHint: 'PORT', description: 'Port of tts', default: '3022' },
    chat: { type: 'string', valueHint: 'PORT', description: 'Port of chat', default: '3023' },
    json: { type: 'boolean', description: 'Print one JSON line when ready, and nothing else' },
  },
  async (args) => {
    const told = shutdownSignal()
    const ports = demoServiceNames.map((name) => ({ name, port: port(name, args[name]) }))
    const services = ports.map(({ name, port }) => ({
      name,
      ...startDemoService(name, { port, hostname: args.host }),
    }))
    if (args.json) json(Object.fromEntries(services.map(({ name, url }) => [name, url])))
    else for (const { name, url } of services) console.log(`demo service "${name}" at ${url}`)
    await told
    await Promise.all(services.map((service) => service.stop()))
    process.exit(0)
  },
)

/** 0 takes a free one. */
function port(name: string, text: string): number {
  const number = integer(`--${name}`, text, 0)
  if (number <= 65_535) return number
  throw new UsageError(`--${name} takes a port, and ${number} is none.`)
}
