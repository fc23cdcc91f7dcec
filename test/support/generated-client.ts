/** Types that openapi-typescript makes of a document, and programs that are compiled and run against them. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { plugin } from 'bun'
import typescript from 'typescript-5'

const project = resolve(import.meta.dir, '../..')

// openapi-typescript prints with the compiler's own API, which TypeScript 7 does not have.
plugin({
  name: 'TypeScript 5 for openapi-typescript',
  setup(build) {
    build.module('typescript', () => ({
      exports: { ...typescript, default: typescript },
      loader: 'object',
    }))
  },
})

export interface ClientFolder extends Disposable {
  /** The faults that the compiler finds in a program beside `gateway.d.ts`; empty when it compiles. */
  compile(program: string): Promise<string>
  // biome-ignore lint/suspicious/noExplicitAny: the program has types of its own.
  load(program: string): Promise<any>
}

export async function openClientFolder(document: object): Promise<ClientFolder> {
  const { default: generate, astToString } = await import('openapi-typescript')
  const types = astToString(await generate(structuredClone(document) as never))
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-client-'))
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'gateway.d.ts'), types)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(compilerSettings))
  let programs = 0

  function write(program: string): string {
    const file = join(folder, `program-${++programs}.ts`)
    writeFileSync(file, program)
    return file
  }

  return {
    async compile(program) {
      const file = write(program)
      const settings = { ...compilerSettings, files: [file] }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
      const tsc = join(project, 'node_modules/.bin/tsc')
      const child = Bun.spawn([process.execPath, tsc, '--project', folder], { cwd: folder })
      const output = await new Response(child.stdout).text()
      return (await child.exited) === 0 ? '' : output
    },
    load: (program) => import(write(program)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

/** As strict as a customer's project can be. */
const compilerSettings = {
  compilerOptions: {
    ...{ target: 'esnext', module: 'esnext', moduleResolution: 'bundler', lib: ['esnext', 'dom'] },
    ...{ strict: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: true },
    ...{ allowImportingTsExtensions: true, types: [] },
  },
}
