/** What `tollbook up` prints when it is ready: addresses, and lines to copy into another terminal. */
import pc from 'picocolors'
import type { Config } from '../../config/config.ts'
import type { TariffStatus } from '../../management/manage-tariffs.ts'
import { time } from '../output.ts'
import { exampleCall } from './example-call.ts'
import type { DemoKey } from './load-or-create-key.ts'
import type { DemoUpstream } from './start-demo-upstreams.ts'

/** What a program learns from the one line that `tollbook up --json` prints. */
export interface Ready extends DemoKey {
  readonly url: string
  /** Signs in to the portal, once, from this machine, within ten minutes. */
  readonly portalUrl: string
  /** The same of the operators' console; absent: it is not served. */
  readonly consoleUrl?: string
  readonly adminToken: string
  readonly ownerToken: string
  readonly databaseUrl: string
}

interface Welcome {
  readonly ready: Ready
  readonly config: Config
  readonly demos: readonly DemoUpstream[]
  readonly metricsUrl: string | undefined
  /** The folder, where it is not the one that other commands look into by themselves. */
  readonly data: string | undefined
  /** Whether the configuration's prices and plans are in force. */
  readonly tariff: TariffStatus
}

export function welcomeText({ ready, config, demos, metricsUrl, data, tariff }: Welcome): string {
  const { url, portalUrl, consoleUrl, apiKey, accountId, ownerToken, adminToken } = ready
  const month = new Date().toISOString().slice(0, 7)
  const command = (text: string) => `  ${pc.cyan(text)}`
  const ledger = data === undefined ? '' : ` --data ${data}`
  const call = exampleCall(config, url, apiKey)
  return [
    '',
    `${pc.bold('Tollbook is ready')} at ${pc.bold(url)}   (API documentation: ${url}/docs)`,
    ...demos.map(({ name, url }) => pc.dim(`  demo upstream "${name}" at ${url}`)),
    ...(metricsUrl ? [pc.dim(`  metrics for Prometheus at ${metricsUrl}`)] : []),
    ...tariffLines(tariff, config.file, command, ledger),
    '',
    ...(call === undefined
      ? [`Make a call: ${url}/docs says how, with the key ${apiKey}`]
      : ['Make a call, and see what it was charged:', command(call)]),
    'See what its owner sees (the link signs in once, on this machine, within ten minutes):',
    command(portalUrl),
    ...(consoleUrl
      ? ['See what you see as its seller (in the same way):', command(consoleUrl)]
      : []),
    'See what the key has left:',
    command(`curl -s ${url}/v1/key -H 'X-API-Key: ${apiKey}'`),
    'Print the bill, computed from the log:',
    command(`./tollbook report statement --account ${accountId} --month ${month}${ledger}`),
    "List the owner's keys, and everyone's:",
    command(`curl -s ${url}/api-keys -H 'Authorization: Bearer ${ownerToken}'`),
    command(`curl -s ${url}/admin/api-keys -H 'Authorization: Bearer ${adminToken}'`),
    '',
    pc.dim('Ctrl-C stops everything; the data stays.'),
  ].join('\n')
}

function tariffLines(
  { differs, announcedFrom }: TariffStatus,
  file: string,
  command: (text: string) => string,
  ledger: string,
): string[] {
  if (announcedFrom !== undefined) {
    const from = `${time(announcedFrom)} UTC`
    return ['', `The prices and plans of ${file} are announced, and come into force at ${from}.`]
  }
  if (!differs) return []
  return [
    '',
    `The prices or plans of ${file} are not those in force. To put them in force:`,
    command(`./tollbook prices publish ${file}${ledger}`),
  ]
}
