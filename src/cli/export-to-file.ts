/** Writes rows to a file in one of the export formats, for the export commands. */
import { existsSync } from 'node:fs'
import {
  type ExportFormat,
  type ExportRequest,
  exportFormats,
  writeExport,
} from '../export/write-export.ts'
import { formatNumber, json, say } from './output.ts'
import { openProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

export const fileArgs = {
  path: {
    type: 'positional',
    required: true,
    description: 'The file to write; for Parquet, the folder of files',
  },
  format: {
    type: 'string',
    description: `${exportFormats.join(', ')} (default: the ending of the file name)`,
  },
} as const

export async function exportToFile(
  args: {
    readonly path: string
    readonly format?: string | undefined
    readonly json?: boolean | undefined
  },
  request: Pick<ExportRequest, 'what' | 'open'>,
): Promise<void> {
  const format = formatOf(args)
  const target = args.path
  if (existsSync(target)) throw new UsageError(`${target} already exists: name another file.`)
  const progress = openProgress()
  try {
    const show = (done: number, total: number | undefined) => {
      if (total !== undefined) progress.show('rows', total, done)
    }
    const done = await writeExport({ ...request, target, format, progress: show })
    progress.stop()
    if (args.json) return json({ file: target, format, ...done })
    const resumed = done.resumedAt > 0 ? `, resumed after ${formatNumber(done.resumedAt)}` : ''
    say(`${target}: ${formatNumber(done.rows)} rows${resumed}.`)
  } finally {
    progress.stop()
  }
}

function formatOf({ path, format }: { path: string; format?: string | undefined }): ExportFormat {
  const asked = format ?? path.slice(path.lastIndexOf('.') + 1)
  const known = exportFormats.find((name) => name === asked)
  if (known) return known
  throw new UsageError(
    format === undefined
      ? `which format? Call the file .${exportFormats.join(', .')}, or pass --format.`
      : `--format takes one of ${exportFormats.join(', ')}, not "${format}".`,
  )
}
