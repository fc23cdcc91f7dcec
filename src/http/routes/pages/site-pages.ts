/**
 * The pages of a site: one document for each of their addresses, whose program asks the API, and the files that it loads.
 * Nothing on a page runs but its own files, and no page of others can frame it.
 */
import type { Seller } from '../../../config/file/seller.ts'
import type { Logo } from '../../../config/logo.ts'
import { builtPages } from '../../../pages/built-pages.ts'
import { type Bundle, bundlePages, type SiteName } from '../../../pages/bundle-pages.ts'
import type { Site } from '../../auth/sites.ts'
import { RequestRefused } from '../../errors/request-refused.ts'

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** What a page knows before it asks for anything. */
interface PageOptions {
  /** Whether one signs in at an identity provider. */
  readonly atProvider: boolean
  /** Who sells; undefined: the configuration does not say. */
  readonly seller: Seller | undefined
}

const html = (
  { root, title }: Site,
  { program, style }: Bundle,
  { atProvider, seller }: PageOptions,
) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="tollbook-sign-in" content="${atProvider ? 'provider' : 'link'}">
<meta name="tollbook-seller" content="${attribute(JSON.stringify(sellerOnPage(root, seller)))}">
<title>${title}</title>
<link rel="stylesheet" href="${root}/assets/${style}">
<link rel="icon" href="data:,">
<script type="module" src="${root}/assets/${program}"></script>
</head>
<body><div id="page"><noscript>These pages need JavaScript. The API has all that they show.</noscript></div></body>
</html>
`

/** The seller as pages read it: a logo by its address. */
function sellerOnPage(root: string, seller: Seller | undefined) {
  return seller
    ? { ...seller, ...(seller.logo && { logo: `${root}/assets/${seller.logo.fileName}` }) }
    : null
}

/** A text between the quotes of an attribute. */
function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

interface ServedFile {
  readonly type: string
  readonly gzipped: Uint8Array<ArrayBuffer>
}

interface ServedBundle {
  readonly bundle: Bundle
  readonly files: ReadonlyMap<string, ServedFile>
}

/** Made when the first page is asked for, once; a bundle that fails is tried again. */
const served = new Map<SiteName, Promise<ServedBundle>>()

function servedBundle(site: SiteName): Promise<ServedBundle> {
  const known = served.get(site)
  if (known) return known
  const made = serve(site).catch((error) => {
    served.delete(site)
    throw error
  })
  served.set(site, made)
  return made
}

async function serve(site: SiteName): Promise<ServedBundle> {
  const bundle = builtPages?.[site] ?? (await bundlePages(site))
  const files = Object.entries(bundle.files).map(([name, text]): [string, ServedFile] => [
    name,
    { type: typeOf(name), gzipped: Bun.gzipSync(text) },
  ])
  return { bundle, files: new Map(files) }
}

function typeOf(name: string): string {
  return `text/${name.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`
}

export async function sitePage(site: Site, options: PageOptions): Promise<Response> {
  const { bundle } = await servedBundle(site.name)
  return new Response(html(site, bundle, options), {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policy,
      // Nor does a browser show it again, with what stood on it, when somebody goes back after signing out.
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Cross-Origin-Opener-Policy': 'same-origin',
    },
  })
}

/**
 * One of the files of the pages, or the seller's logo, which never change under their names. All browsers that run pages take gzip.
 * @throws RequestRefused when there is none of that name
 */
export async function siteFile(
  site: Site,
  name: string,
  logo: Logo | undefined,
): Promise<Response> {
  if (name === logo?.fileName) return logoFile(logo)
  const file = (await servedBundle(site.name)).files.get(name)
  if (!file) throw new RequestRefused({ code: 'not_found', detail: 'There is no such file.' })
  return new Response(file.gzipped, {
    headers: {
      'Content-Type': file.type,
      'Content-Encoding': 'gzip',
      ...unchanging,
    },
  })
}

const unchanging = {
  'Cache-Control': 'public, max-age=31536000, immutable',
  'X-Content-Type-Options': 'nosniff',
}

/** As a picture a drawing runs no scripts; who opens it by itself gets it with a policy that lets none run. */
function logoFile({ bytes, mediaType }: Logo): Response {
  return new Response(bytes, {
    headers: {
      'Content-Type': mediaType,
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
      ...unchanging,
    },
  })
}
