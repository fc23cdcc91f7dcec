/** What operators noted of an account, the newest first, and a form that writes another note. */
import { useState } from 'preact/hooks'
import type { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { timeText } from '../shared/format.ts'
import { OlderButton } from '../shared/older-button.tsx'
import { Empty, Failure, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import { asApiError } from '../shared/use-data.ts'
import { usePages } from '../shared/use-pages.ts'
import { useMay } from './action.tsx'
import type { AuditedAccount, NotePage } from './types.ts'

interface NotesProps {
  readonly account: AuditedAccount
  /** Of the account, in the API. */
  readonly path: string
  onWritten(): void
}

export function Notes({ account, path, onWritten }: NotesProps) {
  const { api } = usePage()
  const may = useMay()
  const notes = usePages(
    (cursor) =>
      api.get<NotePage>(`${path}/notes?limit=20${cursor === undefined ? '' : `&cursor=${cursor}`}`),
    [api, path],
  )
  const written = () => {
    notes.first.reload()
    onWritten()
  }
  return (
    <Panel title="Notes">
      {may('note') && !account.erased && <NewNote path={path} onWritten={written} />}
      <Loaded data={notes.first} height="low">
        {(page) =>
          page.notes.length === 0 ? (
            <Empty>Nothing is noted. Notes are for operators alone: the customer sees none.</Empty>
          ) : (
            <>
              <Table
                caption="Notes, the newest first"
                rows={[page, ...notes.later].flatMap(({ notes }) => notes)}
                keyOf={({ position }) => position}
                columns={[
                  { head: 'When', cell: ({ writtenAt }) => timeText(writtenAt) },
                  { head: 'By', cell: ({ actor }) => <Stored text={actor} /> },
                  {
                    head: 'Note',
                    cell: ({ text }) =>
                      text === null ? <em>Erased with the account</em> : <Stored text={text} />,
                  },
                ]}
              />
              <OlderButton more={notes.more} error={notes.error} />
            </>
          )
        }
      </Loaded>
    </Panel>
  )
}

/** A text and the Idempotency-Key of it: the same text is sent again under the same, and is one note. */
function draftOf(text: string) {
  return { text, key: crypto.randomUUID() }
}

function NewNote({ path, onWritten }: Pick<NotesProps, 'path' | 'onWritten'>) {
  const { api } = usePage()
  const [draft, setDraft] = useState(() => draftOf(''))
  const [error, setError] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  // What is stored is one line.
  const text = draft.text.trim().replaceAll(/\s*\n\s*/g, ' ')
  const write = async (event: Event) => {
    event.preventDefault()
    if (isBusy || text === '') return
    setBusy(true)
    try {
      await api.send('POST', `${path}/notes`, { text }, { 'idempotency-key': draft.key })
      setDraft(draftOf(''))
      setError(undefined)
      onWritten()
    } catch (failure) {
      setError(asApiError(failure))
    }
    setBusy(false)
  }
  return (
    <form onSubmit={write}>
      {error && <Failure error={error} />}
      <div class="choices">
        <label class="wide">
          New note, which stays until the account is erased
          {/* The bound is twice that of the API, which counts characters: a browser counts an emoji as two. */}
          <textarea
            required
            rows={2}
            maxLength={4_000}
            value={draft.text}
            onInput={(event) => setDraft(draftOf(event.currentTarget.value))}
          />
        </label>
        <button type="submit" disabled={isBusy}>
          Write it
        </button>
      </div>
    </form>
  )
}
