/** docs/FAULTS.md has two parts. Each is written by a program of its own, which leaves the other part as it is. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const page = join(import.meta.dir, '../../docs/FAULTS.md')
/** The second part begins with it. */
export const failoverHeading = '## Failover of PostgreSQL'

export function writeFaults(part: string): void {
  writeFileSync(page, withFaults(readFileSync(page, 'utf8'), part))
}

/** @param part begins with the heading */
export function writeFailover(part: string): void {
  writeFileSync(page, withFailover(readFileSync(page, 'utf8'), part))
}

/** The page with another first part. */
export function withFaults(text: string, part: string): string {
  return joined(part, partsOf(text)[1])
}

/** The page with another second part. */
export function withFailover(text: string, part: string): string {
  return joined(partsOf(text)[0], part)
}

function joined(...parts: readonly string[]): string {
  const texts = parts.map((part) => part.trim()).filter((part) => part !== '')
  return `${texts.join('\n\n')}\n`
}

function partsOf(text: string): [faults: string, failover: string] {
  const at = text.indexOf(failoverHeading)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)]
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
