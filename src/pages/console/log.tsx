/** The log, the newest events first, without those that calls make unless they are asked for. */
import { useState } from 'preact/hooks'
import { usePage } from '../shared/context.ts'
import { OlderButton } from '../shared/older-button.tsx'
import { Choice, Empty, Loaded, Panel } from '../shared/parts.tsx'
import { usePages } from '../shared/use-pages.ts'
import { Events } from './events.tsx'
import type { EventPage } from './types.ts'

export function LogPage() {
  const { api } = usePage()
  const [calls, setCalls] = useState('false')
  const { first, later, more, error } = usePages(
    (cursor) =>
      api.get<EventPage>(
        `/admin/events?order=newest&calls=${calls}&limit=50${cursor === undefined ? '' : `&cursor=${cursor}`}`,
      ),
    [api, calls],
  )
  return (
    <>
      <h1>Log</h1>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        <Choice
          label="Events of calls"
          value={calls}
          options={[
            ['false', 'hidden'],
            ['true', 'shown'],
          ]}
          onChoose={setCalls}
        />
        <button type="button" onClick={first.reload}>
          Look again
        </button>
      </form>
      <Panel title="Events, the newest first">
        <Loaded data={first} height="high">
          {(page) => {
            const events = [page, ...later].flatMap(({ events }) => events)
            if (events.length === 0) return <Empty>Nothing has happened yet.</Empty>
            return (
              <>
                <Events events={events} caption="Events" isOfMany />
                <OlderButton more={more} error={error} />
              </>
            )
          }}
        </Loaded>
      </Panel>
    </>
  )
}
