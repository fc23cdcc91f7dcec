/** New prices and plans: written, compared with those in force, tried over a past month, and published with notice. */
import { useState } from 'preact/hooks'
import { isMapping } from '../../lib/is-mapping.ts'
import { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { timeText } from '../shared/format.ts'
import { Failure, Panel, Stored } from '../shared/parts.tsx'
import { asApiError, useData } from '../shared/use-data.ts'
import { Action, useMay } from './action.tsx'
import { PriceChanges } from './price-changes.tsx'
import { SimulationOf } from './simulation.tsx'
import type { DraftTariff, PriceDiff } from './types.ts'

interface Given {
  readonly diff: PriceDiff
  readonly configured: DraftTariff
  readonly inForce: DraftTariff
}

/** A draft outlives a sign-in, which leaves the page. */
const storedAs = 'tollbook-draft-prices'

export function NewPrices({ onPublished }: { onPublished(): void }) {
  const { api } = usePage()
  const given = useData(() => api.get<Given>('/admin/prices/diff'), [api])
  const may = useMay()
  const kept = sessionStorage.getItem(storedAs)
  const [text, setText] = useState(kept ?? undefined)
  const { diff, configured, inForce } = given.value ?? {}
  const isInForce = diff && diff.changes.length === 0
  const draft = (of: DraftTariff | undefined) => {
    const text = JSON.stringify(of, null, 2)
    sessionStorage.setItem(storedAs, text)
    setText(text)
  }
  const close = () => {
    sessionStorage.removeItem(storedAs)
    setText(undefined)
  }
  return (
    <Panel title="New prices">
      {given.error && <Failure error={given.error} retry={given.reload} />}
      {diff && !isInForce && (
        <p>
          The configuration that this gateway runs with says other prices or plans
          {diff.announcedFrom ? `, announced from ${timeText(diff.announcedFrom)}.` : '.'}
        </p>
      )}
      {!may('publish') ? (
        <p>An admin can change prices here.</p>
      ) : text !== undefined ? (
        <Draft
          first={text}
          onClose={close}
          onPublished={() => {
            close()
            given.reload()
            onPublished()
          }}
        />
      ) : (
        <div class="buttons">
          <button type="button" disabled={!inForce} onClick={() => draft(inForce)}>
            Change those in force
          </button>
          {diff && !isInForce && (
            <button type="button" onClick={() => draft(configured)}>
              Take the configuration’s
            </button>
          )}
        </div>
      )}
    </Panel>
  )
}

interface DraftProps {
  readonly first: string
  onClose(): void
  onPublished(): void
}

/** A text that is being written, and what it would change once that was asked. */
function Draft({ first, onClose, onPublished }: DraftProps) {
  const { api } = usePage()
  const [text, setText] = useState(first)
  const [found, setFound] = useState<{ readonly tariff: DraftTariff; readonly diff: PriceDiff }>()
  const [error, setError] = useState<ApiError>()
  const [isPublishing, setPublishing] = useState(false)
  const write = (next: string) => {
    sessionStorage.setItem(storedAs, next)
    setText(next)
    setFound(undefined)
  }
  const compare = async (event: Event) => {
    event.preventDefault()
    setError(undefined)
    try {
      const tariff = readDraft(text)
      const { diff } = await api.send<{ diff: PriceDiff }>('POST', '/admin/prices/diff', { tariff })
      setFound({ tariff, diff })
    } catch (failure) {
      setFound(undefined)
      setError(asApiError(failure))
    }
  }
  const upload = async (event: Event) => {
    const input = event.currentTarget as HTMLInputElement
    const file = input.files?.[0]
    if (!file) return
    setError(undefined)
    try {
      write(await tariffTextOf(await file.text()))
    } catch (failure) {
      setError(new ApiError(0, failure instanceof Error ? failure.message : String(failure)))
    }
    input.value = ''
  }
  return (
    <>
      <form onSubmit={compare}>
        {error && <Failure error={error} />}
        <label>
          Plans, prices and packs, as JSON
          <textarea
            class="code"
            required
            rows={16}
            spellcheck={false}
            value={text}
            onInput={(event) => write(event.currentTarget.value)}
          />
        </label>
        <label>
          Or take them from a file such as tollbook.yaml
          <input type="file" accept=".yaml,.yml,.json" onChange={upload} />
        </label>
        <div class="buttons">
          <button type="submit" class="main">
            Compare
          </button>
          <button type="button" onClick={onClose}>
            Drop it
          </button>
        </div>
      </form>
      {found && (
        <>
          <h3>What it would change</h3>
          <PriceChanges changes={found.diff.changes} caption="What the draft would change" />
          <Dropped {...found.diff} />
          <h3>What a month would have cost</h3>
          <SimulationOf key={found.diff.hash} tariff={found.tariff} />
          <div class="buttons">
            <button type="button" class="main" onClick={() => setPublishing(true)}>
              Publish it
            </button>
          </div>
        </>
      )}
      {isPublishing && found && (
        <Publish {...found} onClose={() => setPublishing(false)} onPublished={onPublished} />
      )}
    </>
  )
}

function Dropped({ dropped }: PriceDiff) {
  if (dropped.length === 0) return null
  return (
    <p class="failure">
      What is in force would disappear, and calls that need it be refused:{' '}
      <Stored text={dropped.join('; ')} />.
    </p>
  )
}

interface PublishProps {
  readonly tariff: DraftTariff
  readonly diff: PriceDiff
  onClose(): void
  onPublished(): void
}

function Publish({ tariff, diff, onClose, onPublished }: PublishProps) {
  const { api } = usePage()
  const [from, setFrom] = useState(firstOfNextMonth)
  const [notice, setNotice] = useState('')
  const [mayDrop, setMayDrop] = useState(false)
  const publish = async (reason: string, key: string) => {
    const terms = {
      ...(from !== '' && { from: `${from}T00:00:00Z` }),
      ...(notice !== '' && { notice }),
      ...(mayDrop && { mayDrop }),
    }
    const body = { tariff, ...terms, reason }
    await api.send('POST', '/admin/prices', body, { 'idempotency-key': key })
    onPublished()
  }
  return (
    <Action title="Publish these prices" verb="Publish" send={publish} onClose={onClose}>
      <p>
        Calls in flight keep their price. What was announced for the same day is replaced. The
        reason stands in the log as plain text and cannot be erased: name nobody.
      </p>
      <label>
        In force from (UTC; empty: at once)
        <input type="date" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
      </label>
      <label>
        Notice, which customers read
        <input
          maxLength={1_000}
          value={notice}
          onInput={(event) => setNotice(event.currentTarget.value)}
        />
      </label>
      {diff.dropped.length > 0 && (
        <>
          <Dropped {...diff} />
          <label class="check">
            <input
              type="checkbox"
              required
              checked={mayDrop}
              onInput={(event) => setMayDrop(event.currentTarget.checked)}
            />
            That is meant
          </label>
        </>
      )}
    </Action>
  )
}

function firstOfNextMonth(): string {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1))
    .toISOString()
    .slice(0, 10)
}

/** @throws ApiError that says where the text is no JSON */
function readDraft(text: string): DraftTariff {
  try {
    const draft: unknown = JSON.parse(text)
    if (isMapping(draft)) return draft
  } catch (error) {
    throw new ApiError(0, `This is no JSON: ${error instanceof Error ? error.message : error}`)
  }
  throw new ApiError(0, 'This is no JSON object.')
}

/** What a configuration says of plans and prices, as a draft; a draft stays as it is. @throws Error when it is no file of either kind */
async function tariffTextOf(text: string): Promise<string> {
  const { parse } = await import('yaml')
  const file: unknown = parse(text)
  if (!isMapping(file)) throw new Error('The file is neither a configuration nor prices as JSON.')
  if ('prices' in file || !isMapping(file.routes)) return JSON.stringify(file, null, 2)
  const { plans, credits, packs, routes } = file
  const prices = Object.fromEntries(
    Object.entries(routes).map(([id, route]) => [id, isMapping(route) ? route.price : undefined]),
  )
  return JSON.stringify({ plans, prices, credits, packs }, null, 2)
}
