/** A form that leads to a call by its request id. */
import { useState } from 'preact/hooks'
import { usePage } from './context.ts'
import { Panel } from './parts.tsx'

/** @param calls the page of calls, which a call's own stands under */
export function FindCall({ calls }: { calls: string }) {
  const { go } = usePage()
  const [id, setId] = useState('')
  const find = (event: Event) => {
    event.preventDefault()
    if (id.trim() !== '') go(`${calls}/${encodeURIComponent(id.trim())}`)
  }
  return (
    <Panel title="Find a call">
      <form class="choices" onSubmit={find}>
        <label class="wide">
          Request id, which the response had as X-Request-Id
          <input value={id} onInput={(event) => setId(event.currentTarget.value)} />
        </label>
        <button type="submit">Show its receipt</button>
      </form>
    </Panel>
  )
}
