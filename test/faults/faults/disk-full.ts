/** The disk under PostgreSQL is full: nothing is sold, and when there is space again all goes on. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../support/until.ts'
import type { Disk, Fault } from '../fault.ts'
import { untilAllSell } from '../load.ts'
import { slowest } from '../measure.ts'
import { untilLedgerResponds } from '../world.ts'

const mebibyte = 1_048_576

export const diskFull: Fault = {
  name: 'postgres/disk-full',
  says: 'the disk under PostgreSQL is full, and later is not',
  runs: 20,
  disk: smallDisk(),
  async strike(world, load, random) {
    const { postgres } = world.servers
    const filler = join(mountedAt as string, 'filler')
    fillUp(filler)
    const fullAtMs = performance.now()
    let fellOver = false
    try {
      // Pages and segments that exist already are used up first.
      await until(() => slowest(world, fullAtMs, 503) > 0, 60_000)
      await Bun.sleep(random.int(200, 1_500))
    } finally {
      rmSync(filler, { force: true })
    }
    // A crash whose recovery finds no space ends the server: whoever looks after it starts it again.
    await Bun.sleep(200)
    if (!postgres.isRunning) {
      fellOver = true
      await postgres.start()
    }
    await untilLedgerResponds(world)
    const againMs = await untilAllSell(world, random)
    await load.calls(20)
    return {
      'until a call is refused': slowest(world, fullAtMs, 503),
      'until all gateways sell, once there is space': againMs,
      'PostgreSQL had to be started (0 or 1)': fellOver ? 1 : 0,
    }
  },
}

let mountedAt: string | undefined

function smallDisk(): Disk {
  return {
    impossible() {
      if (process.platform !== 'linux') return 'it takes a tmpfs, which only Linux has'
      try {
        const folder = mount()
        unmount(folder)
        return undefined
      } catch {
        return 'it takes the right to mount a file system'
      }
    },
    mount() {
      mountedAt = mount()
      const folder = join(mountedAt, 'data')
      mkdirSync(folder)
      return folder
    },
    unmount() {
      if (mountedAt) unmount(mountedAt)
    },
  }
}

function mount(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-small-disk-'))
  try {
    const size = ['-o', 'size=400m,mode=755']
    execFileSync('mount', ['-t', 'tmpfs', ...size, 'tmpfs', folder], { stdio: 'ignore' })
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  chmodSync(folder, 0o755)
  return folder
}

function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder], { stdio: 'ignore' })
  rmSync(folder, { recursive: true, force: true })
}

/** Takes all the space that is left. */
function fillUp(file: string): void {
  const piece = new Uint8Array(mebibyte)
  try {
    for (;;) appendFileSync(file, piece)
  } catch {
    // Less than a piece is left.
  }
  const { bavail, bsize } = statfsSync(mountedAt as string)
  try {
    appendFileSync(file, new Uint8Array(bavail * bsize))
  } catch {
    // Somebody else took it.
  }
}
