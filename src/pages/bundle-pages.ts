/** Bundles pages for browsers: Preact in TSX becomes a few files whose names have the hashes of their contents. */
import { join } from 'node:path'

/** Customers see the portal, operators the console. */
export type SiteName = 'portal' | 'console'

/** The files of the pages of a site, as they are served. */
export interface Bundle {
  /** Texts by name. */
  readonly files: Readonly<Record<string, string>>
  /** The names of the program and of the style that a page loads first. */
  readonly program: string
  readonly style: string
}

export type Bundles = Readonly<Record<SiteName, Bundle>>

/** @throws Error with what the bundler says */
export async function bundlePages(site: SiteName): Promise<Bundle> {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, `${site}/${site}.tsx`)],
    target: 'browser',
    format: 'esm',
    splitting: true,
    minify: true,
    jsx: { runtime: 'automatic', importSource: 'preact', development: false },
    naming: {
      entry: '[name]-[hash].[ext]',
      chunk: '[name]-[hash].[ext]',
      asset: '[name]-[hash].[ext]',
    },
  })
  const files: Record<string, string> = {}
  for (const output of outputs) files[nameOf(output.path)] = await output.text()
  const named = (kind: string, end: string) => {
    const found = outputs.find(({ kind: k, path }) => k === kind && path.endsWith(end))
    if (!found) throw new Error(`the bundle of the ${site} has no ${end}`)
    return nameOf(found.path)
  }
  return { files, program: named('entry-point', '.js'), style: named('asset', '.css') }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
