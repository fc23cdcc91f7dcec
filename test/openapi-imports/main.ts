/**
 * `bun run import-trial [NAME…]`: imports large OpenAPI documents from npm packages, starts a gateway on each with Prism as
 * its upstream, and calls every operation. It prints how many responded, were left out, or failed; docs/ROUTES.md has the
 * figures. It needs the npm registry and some minutes, so it is no part of the tests.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pMap from 'p-map'
import type { ImportReport } from '../../src/config/import/import-openapi.ts'
import { parseConfig } from '../../src/config/load-config.ts'
import { startCli } from '../support/cli.ts'
import { callRoute, type Outcome } from './call-routes.ts'
import { documents, installPackages, pathOf, type TrialDocument } from './packages.ts'
import { startPrism } from './prism.ts'

const names = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'tollbook-imports-'))
try {
  await installPackages(folder)
  for (const document of documents) {
    if (names.length === 0 || names.includes(document.name)) await tryDocument(document)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function tryDocument(document: TrialDocument): Promise<void> {
  const source = pathOf(folder, document)
  const file = join(folder, `${document.name}.yaml`)
  const prefix = document.prefix === undefined ? [] : ['--prefix', document.prefix]
  const imported = await timed([
    ...['config', 'import', source, '--service', 'upstream', '--output', file, ...prefix],
    '--json',
  ])
  const report: ImportReport = JSON.parse(imported.stdout)
  const text = forTrial(readFileSync(file, 'utf8'))
  writeFileSync(file, text)
  const checked = await timed(['config', 'check', file])

  await using started = new AsyncDisposableStack()
  const prism = await startPrism(folder, source)
  started.defer(prism.stop)
  const env: Record<string, string> = { METRICS_PORT: 'off' }
  const config = parseConfig({ text, source: file, env: {} })
  for (const { urlEnv } of Object.values(config.services)) if (urlEnv) env[urlEnv] = prism.url
  const data = join(folder, `${document.name}-data`)
  const up = startCli(['up', '--config', file, '--data', data, '--port', '0', '--json'], { env })
  started.defer(async () => {
    up.kill('SIGINT')
    await up.exited
  })
  const { value } = await up.stdout.getReader().read()
  if (!value) throw new Error(await new Response(up.stderr).text())
  const { url, apiKey } = JSON.parse(new TextDecoder().decode(value))

  const routes = Object.values(config.routes)
  const outcomes = await pMap(routes, (route) => callRoute(route, url, apiKey), { concurrency: 4 })
  const docs = await (await fetch(`${url}/docs/json`)).text()
  print(document, report, outcomes)
  console.log(`  CPU: import ${imported.cpu}, config check ${checked.cpu}`)
  console.log(`  /docs/json: ${(docs.length / 1e6).toFixed(1)} MB`)
}

/** With a plan that the trial does not use up. */
function forTrial(text: string): string {
  return text
    .replace('rateLimit: 60\n', 'rateLimit: 1000000\n')
    .replace('maxInFlight: 10\n', 'maxInFlight: 1000\n')
}

function print(
  { name }: TrialDocument,
  { operations, leftOut, routes, schemas }: ImportReport,
  outcomes: readonly Outcome[],
): void {
  const responded = outcomes.filter(({ status }) => status < 400)
  const failed = outcomes.filter(({ status }) => status >= 400)
  console.log(`${name}: ${operations} operations, ${routes} routes, ${schemas} schemas`)
  console.log(
    `  responded ${responded.length}, left out ${leftOut.length}, failed ${failed.length}`,
  )
  console.log(`  charged ${responded.filter(({ charged }) => charged === '1').length}`)
  for (const { route, status, text } of failed) console.log(`  ${status} ${route}: ${text}`)
}

/** Runs a command that must succeed. `cpu` is its time on the processors: this machine may have other work. */
async function timed(args: readonly string[]) {
  const child = startCli(args)
  const read = (stream: ReadableStream) => new Response(stream).text()
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)])
  if ((await child.exited) !== 0) throw new Error(`tollbook ${args.join(' ')}: ${stderr}`)
  const { total = 0 } = child.resourceUsage()?.cpuTime ?? {}
  return { stdout, cpu: `${(Number(total) / 1e6).toFixed(1)} s` }
}
