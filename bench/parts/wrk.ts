/** Drives wrk: a Lua script makes the request, which also prints the figures for us to read. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithUs } from './child.ts'
import type { Load, Measured } from './measured-load.ts'

export async function runWrk(load: Load): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'tollbook-wrk-'))
  try {
    const script = join(folder, 'load.lua')
    await Bun.write(script, scriptOf(load))
    return await run(load, script)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function run({ url, connections, durationSeconds }: Load, script: string): Promise<Measured> {
  const threads = Math.min(2, connections)
  const child = Bun.spawn(
    [
      'wrk',
      '--latency',
      `--threads=${threads}`,
      `--connections=${connections}`,
      `--duration=${durationSeconds}s`,
      '--timeout=5s',
      `--script=${script}`,
      url,
    ],
    { stdout: 'pipe', stderr: 'pipe' },
  )
  const end = endWithUs(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), (durationSeconds + 15) * 1_000)
  const [printed, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  clearTimeout(timer)
  await end()

  const line = printed.split('\n').find((each) => each.startsWith('figures '))
  if (!line) throw new Error(`wrk failed: ${complaint || printed}`)
  const [total = 0, elapsedUs = 0, p50Us = 0, p99Us = 0, non2xx = 0, socketErrors = 0] = line
    .split(' ')
    .slice(1)
    .map(Number)
  return {
    requestsPerSecond: (total / elapsedUs) * 1e6,
    p50Ms: p50Us / 1_000,
    p99Ms: p99Us / 1_000,
    non2xx,
    socketErrors,
    total,
  }
}

/** All requests are formatted before the run, so that none of its time goes into Lua. */
function scriptOf({ method = 'GET', headers = {}, body, apiKeys = [] }: Load): string {
  const headerLines = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${lua(name)}] = ${lua(value)}`,
  )
  return `
wrk.method = ${lua(method)}
wrk.body = ${body === undefined ? 'nil' : lua(body)}
${headerLines.join('\n')}
local keys = { ${apiKeys.map((key) => lua(key)).join(', ')} }
local requests = {}
local threads = 0
local turn = 0

function setup(thread)
  thread:set("offset", threads)
  threads = threads + 1
end

function init()
  for i, key in ipairs(keys) do
    wrk.headers["X-API-Key"] = key
    requests[i] = wrk.format()
  end
  if #keys == 0 then requests[1] = wrk.format() end
  turn = offset
end

function request()
  turn = turn + 1
  return requests[turn % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format("figures %d %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.status, broken))
end
`
}

/** A Lua string literal of these bytes (a text's in UTF-8), every one of them escaped: nothing can break out. */
function lua(content: string | Uint8Array): string {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return `"${Array.from(bytes, (byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`
}
