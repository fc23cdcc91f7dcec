/**
 * `bun run compile [--outfile FILE]`: makes the single-file executable, with the pages of the portal bundled within it. It
 * carries no sources, so it could not bundle them itself.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundlePortal } from '../pages/bundle-portal.ts'

const source = join(import.meta.dir, '..')
const { values } = parseArgs({ options: { outfile: { type: 'string', default: 'dist/tollbook' } } })
const bundle = JSON.stringify(await bundlePortal())

await Bun.build({
  entrypoints: [
    join(source, 'cli/executable.ts'),
    join(source, 'proxy/request/audio/audio-worker.ts'),
  ],
  compile: { outfile: values.outfile, autoloadBunfig: false },
  naming: { entry: '[name].[ext]' },
  plugins: [
    {
      name: 'the bundle of the portal',
      setup(build) {
        build.onLoad({ filter: /\/pages\/built-portal\.ts$/ }, () => ({
          contents: `export const builtPortal = ${bundle}`,
          loader: 'js',
        }))
      },
    },
  ],
})
