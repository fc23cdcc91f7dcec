/** What `tollbook up` prints when it is ready: addresses, and lines to copy into another terminal. */
import pc from 'picocolors'
import type { DemoKey } from './load-or-create-key.ts'
import type { DemoUpstream } from './start-demo-upstreams.ts'

/** What a program learns from the one line that `tollbook up --json` prints. */
export interface Ready extends DemoKey {
  readonly url: string
  readonly adminToken: string
  readonly ownerToken: string
  readonly databaseUrl: string
}

export function welcomeText(
  ready: Ready,
  demos: readonly DemoUpstream[],
  metricsUrl: string | undefined,
): string {
  const { url, apiKey, accountId, ownerToken, adminToken } = ready
  const month = new Date().toISOString().slice(0, 7)
  const command = (text: string) => `  ${pc.cyan(text)}`
  return [
    '',
    `${pc.bold('Tollbook is ready')} at ${pc.bold(url)}   (API documentation: ${url}/docs)`,
    ...demos.map(({ name, url }) => pc.dim(`  demo upstream "${name}" at ${url}`)),
    ...(metricsUrl ? [pc.dim(`  metrics for Prometheus at ${metricsUrl}`)] : []),
    '',
    'Make a call, and see what it was charged:',
    command(
      `curl -si ${url}/v1/search -H 'X-API-Key: ${apiKey}' -H 'Content-Type: application/json' -d '{"query":"honey"}'`,
    ),
    'See what the key has left:',
    command(`curl -s ${url}/v1/key -H 'X-API-Key: ${apiKey}'`),
    'Print the bill, computed from the log:',
    command(`./tollbook report statement --account ${accountId} --month ${month}`),
    "List the owner's keys, and everyone's:",
    command(`curl -s ${url}/api-keys -H 'Authorization: Bearer ${ownerToken}'`),
    command(`curl -s ${url}/admin/api-keys -H 'Authorization: Bearer ${adminToken}'`),
    '',
    pc.dim('Ctrl-C stops everything; the data stays.'),
  ].join('\n')
}
