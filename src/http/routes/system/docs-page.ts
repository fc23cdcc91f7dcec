/**
 * The page at /docs: Swagger UI from its npm package, so the documentation works without the internet. The page
 * has no inline script, which its own security policy would not run.
 */
import icon from 'swagger-ui-dist/favicon-32x32.png' with { type: 'file' }
import frame from 'swagger-ui-dist/index.css' with { type: 'file' }
import style from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import program from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import { RequestRefused } from '../../errors/request-refused.ts'
import start from './docs-start.js' with { type: 'file' }

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollbook API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
<link rel="icon" type="image/png" href="/docs/favicon.png">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body><div id="docs"></div></body>
</html>
`

/**
 * What the page may load: its own files, `data:` for the icons in its style, and `blob:` for the pictures and the
 * audio of responses.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const css = 'text/css; charset=utf-8'
const javascript = 'text/javascript; charset=utf-8'

/** The files of the page by name. In a compiled program their paths are within the program. */
const files: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
  'swagger-ui.css': { path: style, type: css },
  'page.css': { path: frame, type: css },
  'swagger-ui-bundle.js': { path: program, type: javascript },
  'start.js': { path: start, type: javascript },
  'favicon.png': { path: icon, type: 'image/png' },
}

export function docsPage(): Response {
  return new Response(html, {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policy,
      'Cache-Control': 'no-cache',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    },
  })
}

/**
 * One of the page's files.
 * @throws RequestRefused when it has none of that name
 */
export function docsFile(name: string): Response {
  const file = Object.hasOwn(files, name) ? files[name] : undefined
  if (!file) throw new RequestRefused({ code: 'not_found', detail: 'There is no such file.' })
  return new Response(Bun.file(file.path), {
    headers: {
      'Content-Type': file.type,
      'Cache-Control': 'public, max-age=3600',
      'X-Content-Type-Options': 'nosniff',
    },
  })
}
