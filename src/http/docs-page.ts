/**
 * The page at /docs: Swagger UI from its npm package, so that nothing comes from elsewhere and the
 * documentation works where there is no internet. No script stands in the page itself, which the policy
 * it is sent with would not run.
 */
import icon from 'swagger-ui-dist/favicon-32x32.png' with { type: 'file' }
import style from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import program from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import { RequestRefused } from './request-refused.ts'

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tollbook API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon.png">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body style="margin:0"><div id="docs"></div></body>
</html>
`

const options = {
  url: '/docs/json',
  dom_id: '#docs',
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // Neither the document nor the keys that are entered leave this page.
  validatorUrl: null,
  persistAuthorization: false,
}

const start = `SwaggerUIBundle(${JSON.stringify(options)})\n`

/**
 * What the page may load: its own files, data: for the icons in its style, and blob: for the audio that
 * an answer is made into. React sets inline styles through the object model, but some of Swagger UI's
 * markup carries them as attributes.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The files of the page, by name. The paths are those of the package, or within a compiled program. */
const files: Readonly<Record<string, () => { body: Blob | string; type: string }>> = {
  'swagger-ui.css': () => ({ body: Bun.file(style), type: 'text/css; charset=utf-8' }),
  'swagger-ui-bundle.js': () => ({ body: Bun.file(program), type: javascript }),
  'start.js': () => ({ body: start, type: javascript }),
  'favicon.png': () => ({ body: Bun.file(icon), type: 'image/png' }),
}
const javascript = 'text/javascript; charset=utf-8'

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
  const { body, type } = file()
  return new Response(body, {
    headers: {
      'Content-Type': type,
      'Cache-Control': 'public, max-age=3600',
      'X-Content-Type-Options': 'nosniff',
    },
  })
}
