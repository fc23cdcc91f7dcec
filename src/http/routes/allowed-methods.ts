/** Which methods a path takes, so that a known path asked with another one is 405 and not 404. */

export interface RoutePattern {
  readonly method: string
  /** As the router has it: `/api-keys/:id`, `/v1/*`. */
  readonly path: string
}

/** Methods of the routes that match the path; none when there is no such route. */
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
