/** Which methods a path takes: a known path with another method is 405, an unknown path is 404. */

export interface RoutePattern {
  readonly method: string
  /** As Elysia writes it: `/api-keys/:id`, `/v1/*`. */
  readonly path: string
}

/** The methods of all routes that match the path, sorted; none when no route matches. */
export function allowedMethods(routes: readonly RoutePattern[], pathname: string): string[] {
  const methods = routes
    .filter(({ path }) => matches(path.split('/'), pathname.split('/')))
    .map(({ method }) => method)
  return [...new Set(methods)].sort()
}

function matches(pattern: readonly string[], steps: readonly string[]): boolean {
  const rest = pattern.at(-1) === '*'
  if (rest ? steps.length < pattern.length : steps.length !== pattern.length) return false
  return pattern.every(
    (part, i) => part === steps[i] || part === '*' || (part.startsWith(':') && steps[i] !== ''),
  )
}
