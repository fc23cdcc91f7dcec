/** `tollbook config import` */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseDocument } from 'yaml'
import { importOpenApi } from '../../../config/import/import-openapi.ts'
import { ImportError } from '../../../config/import/openapi-document.ts'
import { namePattern } from '../../../lib/schema-fields.ts'
import { command } from '../../command.ts'
import { json, write } from '../../output.ts'
import { printOpenApiImport } from '../../print/print-openapi-import.ts'
import { openProgress } from '../../progress.ts'
import { unreadable } from '../../unreadable.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  document: {
    type: 'positional',
    required: true,
    description: 'The OpenAPI document, 3.0 or 3.1, JSON or YAML',
  },
  service: {
    type: 'string',
    valueHint: 'NAME',
    description: 'What the upstream is called in the configuration',
    required: true,
  },
  price: {
    type: 'string',
    valueHint: 'YAML',
    description: 'The price of each route',
    default: '{ per: request, credits: 1 }',
  },
  prefix: {
    type: 'string',
    valueHint: 'PATH',
    description: 'What stands before each public path, such as /v1',
  },
  output: {
    type: 'string',
    valueHint: 'FILE',
    description: 'The file to write (default: stdout)',
  },
  json: {
    type: 'boolean',
    description: 'Print what was imported and what was not as JSON; needs --output',
  },
} as const

export default command(
  {
    description:
      'Write a configuration for the operations of an OpenAPI document. What could not be carried over is said on stderr and at the head of the file; the status is 1 when nothing was imported.',
    examples: [
      'config import openapi.yaml --service pets > pets.yaml',
      "config import openapi.json --service pets --price '{ per: request, credits: 2 }' --prefix /pets --output pets.yaml",
    ],
  },
  args,
  async (args) => {
    const { document: source, service, output } = args
    if (!new RegExp(namePattern).test(service)) {
      throw new UsageError('--service takes letters, digits, - and _, with a letter first.')
    }
    if (args.prefix !== undefined && !/^(?:\/[A-Za-z0-9._~-]+)+$/.test(args.prefix)) {
      throw new UsageError('--prefix takes a path such as /v1.')
    }
    if (args.json && output === undefined) throw new UsageError('--json needs --output.')
    if (output !== undefined && existsSync(output)) {
      throw new UsageError(`${output} already exists: name another file.`)
    }
    const text = readText(source)
    const price = readPrice(args.price)
    const progress = openProgress()
    const imported = attempt(source, () =>
      importOpenApi({
        ...{ text, source: basename(source), service, price, prefix: args.prefix },
        progress: progress.show,
      }),
    )
    progress.stop()
    const { yaml, report } = imported
    if (report.routes > 0) {
      if (output === undefined) await write(yaml)
      else writeFileSync(output, yaml)
    } else process.exitCode = 1
    if (args.json) json(report)
    else printOpenApiImport(report, console.error)
  },
)

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
}

function readPrice(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false })
  const [error] = document.errors
  if (error) throw new UsageError(`--price is not YAML: ${error.message}`)
  return document.toJS()
}

function attempt<T>(source: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof ImportError)
      throw new UsageError(`${source} is not imported: ${error.message}`)
    throw error
  }
}
