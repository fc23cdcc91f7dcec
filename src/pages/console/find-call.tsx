/** A form that leads to a call by its request id. */
import { useState } from 'preact/hooks'
import { usePage } from '../shared/context.ts'
import { Panel } from '../shared/parts.tsx'

export function FindCall() {
  const { go } = usePage()
  const [id, setId] = useState('')
  const find = (event: Event) => {
    event.preventDefault()
    if (id.trim() !== '') go(`/console/calls/${encodeURIComponent(id.trim())}`)
  }
  return (
    <Panel title="Find a call">
      <form class="choices" onSubmit={find}>
        <label class="wide">
          Request id, which its response had as X-Request-Id
          <input value={id} onInput={(event) => setId(event.currentTarget.value)} />
        </label>
        <button type="submit">Show its receipt</button>
      </form>
    </Panel>
  )
}

export function CallsPage() {
  return (
    <>
      <h1>Calls</h1>
      <FindCall />
    </>
  )
}
