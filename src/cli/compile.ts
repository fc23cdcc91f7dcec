/**
 * `bun run compile [--outfile FILE]`: makes the single-file executable, with the pages of portal and console bundled within it. It
 * carries no sources, so it could not bundle them itself.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Bundles, bundlePages } from '../pages/bundle-pages.ts'

const source = join(import.meta.dir, '..')
const { values } = parseArgs({ options: { outfile: { type: 'string', default: 'dist/tollbook' } } })
const bundles: Bundles = {
  portal: await bundlePages('portal'),
  console: await bundlePages('console'),
}

await Bun.build({
  entrypoints: [
    join(source, 'cli/executable.ts'),
    join(source, 'proxy/request/audio/audio-worker.ts'),
  ],
  compile: { outfile: values.outfile, autoloadBunfig: false },
  naming: { entry: '[name].[ext]' },
  plugins: [
    {
      name: 'the bundles of the pages',
      setup(build) {
        build.onLoad({ filter: /\/pages\/built-pages\.ts$/ }, () => ({
          contents: `export const builtPages = ${JSON.stringify(bundles)}`,
          loader: 'js',
        }))
      },
    },
  ],
})
