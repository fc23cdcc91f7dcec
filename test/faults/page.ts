/** docs/FAULTS.md has two parts. Each is written by a program of its own, which leaves the other part as it is. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const page = join(import.meta.dir, '../../docs/FAULTS.md')
/** The second part begins with it. */
export const failoverHeading = '## Failover of PostgreSQL'

export function writeFaults(part: string): void {
  const [, failover] = partsOf(readFileSync(page, 'utf8'))
  writeFileSync(page, `${part.trimEnd()}\n${failover}`)
}

/** @param part begins with the heading */
export function writeFailover(part: string): void {
  const [faults] = partsOf(readFileSync(page, 'utf8'))
  writeFileSync(page, `${faults.trimEnd()}\n\n${part.trimEnd()}\n`)
}

function partsOf(text: string): [faults: string, failover: string] {
  const at = text.indexOf(failoverHeading)
  return at < 0 ? [text, ''] : [text.slice(0, at), `\n${text.slice(at)}`]
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
