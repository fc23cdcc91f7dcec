/** Hands each call to the proxy, and every other request to the app. */
import { pathOf } from '../proxy/request/route-table.ts'

type Handle = (request: Request) => Response | Promise<Response>

interface Calls {
  /** Whether a path is that of a configured call. */
  readonly isKnown: (path: string) => boolean
  readonly handle: Handle
}

/** @param handleOther handles a request that is not a call */
export function dispatch(calls: Calls, handleOther: Handle): Handle {
  return (request) =>
    calls.isKnown(pathOf(request.url)) ? calls.handle(request) : handleOther(request)
}
