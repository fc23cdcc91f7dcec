/**
 * nginx as a proxy with a rate limit and no billing: what a mature server in C needs for the part
 * of the work that can be had from it. It is used when it is installed.
 */

import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithUs, type Part } from './child.ts'
import { freePort, waitUntilResponding } from './ports.ts'
import { eventStream } from './shapes.ts'

export function nginxAvailable(): boolean {
  return Bun.which('nginx') !== null
}

/** Starts nginx in front of `target` (an origin); throws when it does not respond within 5 s. */
export async function startNginx(target: string): Promise<Part> {
  const folder = await mkdtemp(join(tmpdir(), 'tollbook-nginx-'))
  // Started by root, nginx serves as another user, who must get at its own files in here.
  await chmod(folder, 0o755)
  const port = freePort()
  const config = join(folder, 'nginx.conf')
  await Bun.write(config, configOf(folder, port, new URL(target).host))
  const child = Bun.spawn(['nginx', '-c', config, '-e', 'stderr'], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
  })
  const end = endWithUs(child)
  const stop = async () => {
    await end()
    await rm(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  try {
    await waitUntilResponding(url, () => child.exitCode === null, { name: 'nginx', seconds: 5 })
  } catch (error) {
    await stop()
    throw error
  }
  return { url, pid: child.pid, stop, [Symbol.asyncDispose]: stop }
}

/**
 * The limit is looked up and counted on every request, but so generous that it refuses none. Bodies of
 * 100 kB stay in memory, and an event stream is passed on as it comes.
 */
function configOf(folder: string, port: number, targetHost: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/${name};`)
    .join('\n')
  return `daemon off;
worker_processes auto;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
${temporary}
  limit_req_zone "$binary_remote_addr$http_x_api_key" zone=calls:10m rate=1000000r/s;
  upstream target {
    server ${targetHost};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    limit_req zone=calls burst=1000000 nodelay;
    limit_req_status 429;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    client_body_buffer_size 256k;
    proxy_buffers 16 16k;
    location / {
      proxy_pass http://target;
    }
    location ${eventStream.path} {
      proxy_pass http://target;
      proxy_buffering off;
    }
  }
}
`
}
