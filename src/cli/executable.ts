/**
 * The entry of the single-file executable. Bun reads from BUN_CONFIG_MAX_HTTP_REQUESTS, as it starts, how many requests
 * to upstreams it sends at once. Its default of 256 would make the others wait while their timeouts run. So a process
 * that was started without the variable replaces itself, under the same process id, with one that has it.
 */
const { BUN_CONFIG_MAX_HTTP_REQUESTS, ...rest } = process.env
if (!BUN_CONFIG_MAX_HTTP_REQUESTS) {
  const line = [process.execPath, ...process.argv.slice(2)]
  process.execve?.(process.execPath, line, { ...rest, BUN_CONFIG_MAX_HTTP_REQUESTS: '8192' })
}
await import('./main.ts')
