/** Which methods a route has, and which of them have a body. */

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A route as it is written: with one method or with several. */
interface RouteMethods {
  readonly method?: Method
  readonly methods?: readonly Method[]
}

export function methodsOf({ method, methods = [] }: RouteMethods): readonly Method[] {
  return method === undefined ? methods : [method]
}

/**
 * Whether calls with the method have a body, on a route that describes one: GET and HEAD never, and DELETE only where it
 * is the only method.
 */
export function takesBody(methods: readonly Method[], method: string): boolean {
  if (method === 'DELETE') return methods.length === 1
  return method !== 'GET' && method !== 'HEAD'
}
