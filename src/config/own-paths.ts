/** The paths that the gateway serves itself. No route can take one, and a test compares them with what it serves. */
import { overlaps } from '../lib/path-precedence.ts'
import { type PathTemplate, parsePathTemplate } from '../lib/path-template.ts'

const roots = [
  ...[
    'account',
    'admin',
    'api-keys',
    'docs',
    'health',
    'metrics',
    'openapi',
    'portal',
    'problems',
    'ready',
  ],
]

const ownPaths = [
  ...roots.flatMap((root) => [`/${root}`, `/${root}/{rest*}`]),
  ...['/v1/key', '/v1/key/revoke', '/v1/prices', '/v1/charges', '/v1/charges/{rest*}'],
].map(parsePathTemplate)

/** One of the gateway's own paths that the template can mean, too. */
export function ownPathOf(template: PathTemplate): string | undefined {
  return ownPaths.find((own) => overlaps(own, template))?.text
}
