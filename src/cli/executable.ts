/**
 * Where the single-file executable begins. Bun reads at its own start how many calls to services may be under
 * way at once, and 256 would queue the rest while their time runs; so the program that was started without the
 * variable becomes, under the same process id, the one that was started with it.
 */
const { BUN_CONFIG_MAX_HTTP_REQUESTS, ...rest } = process.env
if (!BUN_CONFIG_MAX_HTTP_REQUESTS) {
  const line = [process.execPath, ...process.argv.slice(2)]
  process.execve?.(process.execPath, line, { ...rest, BUN_CONFIG_MAX_HTTP_REQUESTS: '8192' })
}
await import('./main.ts')
