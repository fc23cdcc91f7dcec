/** A mock of a document: Prism, in a process of its own, without the console of its command line. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const program = `
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http')
const { createServer } = require('@stoplight/prism-http-server')
const { createLogger } = require('@stoplight/prism-core')
const logger = createLogger('prism', { level: 'silent' })
getHttpOperationsFromSpec(process.argv[2]).then(async (operations) => {
  const config = { validateRequest: true, validateResponse: false, checkSecurity: false, errors: false, mock: { dynamic: false }, isProxy: false }
  const server = createServer(operations, { components: { logger }, cors: false, config })
  console.log(await server.listen(0, '127.0.0.1'))
})
`

/** @param folder where its packages are */
export async function startPrism(folder: string, document: string) {
  const file = join(folder, 'prism.cjs')
  writeFileSync(file, program)
  // Prism is made for Node; where there is none, Bun runs it.
  const runtime = Bun.which('node') ?? process.execPath
  const child = Bun.spawn([runtime, file, document], { stdout: 'pipe', stderr: 'inherit' })
  const { value } = await child.stdout.getReader().read()
  if (value === undefined) throw new Error('Prism did not start')
  return {
    url: new TextDecoder().decode(value).trim(),
    async stop() {
      child.kill()
      await child.exited
    },
  }
}
