/** Hands each call to the proxy, and every other request to the app. */
import { pathOf } from '../proxy/request/route-table.ts'

type Handle = (request: Request) => Response | Promise<Response>

interface Calls {
  /** The paths of the configured calls, as clients send them. */
  readonly paths: ReadonlySet<string>
  readonly handle: Handle
}

/** @param handleOther handles a request that is not a call */
export function dispatch(calls: Calls, handleOther: Handle): Handle {
  return (request) =>
    calls.paths.has(pathOf(request.url)) ? calls.handle(request) : handleOther(request)
}
