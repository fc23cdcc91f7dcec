/** A call is found by its request id. */
import { FindCall } from '../shared/find-call.tsx'

export function CallsPage() {
  return (
    <>
      <h1>Calls</h1>
      <FindCall calls="/console/calls" />
    </>
  )
}
