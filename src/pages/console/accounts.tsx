/** Everyone's accounts, by name, owner, plan and state. */
import { useState } from 'preact/hooks'
import { usePage } from '../shared/context.ts'
import { count, dayText } from '../shared/format.ts'
import { Link } from '../shared/link.tsx'
import { OlderButton } from '../shared/older-button.tsx'
import { Choice, Empty, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import { useData } from '../shared/use-data.ts'
import { usePages } from '../shared/use-pages.ts'
import type { AccountPage, AdminPrices, ListedAccount } from './types.ts'

const states = [
  ['', 'Any'],
  ['open', 'Open'],
  ['frozen', 'Frozen'],
  ['erased', 'Erased'],
  ['owes', 'Owes credits'],
] as const

export function AccountsPage() {
  const { api, credits } = usePage()
  const given = new URLSearchParams(location.search)
  const [typed, setTyped] = useState(given.get('search') ?? '')
  const [search, setSearch] = useState(typed)
  const [plan, setPlan] = useState('')
  const [state, setState] = useState(given.get('state') ?? '')
  const prices = useData(() => api.get<AdminPrices>('/admin/prices'), [api])
  const { first, later, more, error } = usePages(
    (cursor) => {
      const query = new URLSearchParams({ limit: '50' })
      if (search !== '') query.set('search', search)
      if (plan !== '') query.set('plan', plan)
      if (state === 'owes') query.set('owes', 'true')
      else if (state !== '') query.set('state', state)
      if (cursor !== undefined) query.set('cursor', cursor)
      return api.get<AccountPage>(`/admin/accounts?${query}`)
    },
    [api, search, plan, state],
  )
  const find = (event: Event) => {
    event.preventDefault()
    setSearch(typed.trim())
  }
  return (
    <>
      <h1>Accounts</h1>
      <form class="choices" onSubmit={find}>
        <label class="wide">
          Name, contact, owner, or the id of an account or a key
          <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        <Choice
          label="Plan"
          value={plan}
          options={[
            ['', 'Any'],
            ...Object.keys(prices.value?.current?.plans ?? {}).map((name) => [name, name] as const),
          ]}
          onChoose={setPlan}
        />
        <Choice label="State" value={state} options={states} onChoose={setState} />
        <button type="submit">Search</button>
      </form>
      <Panel title="Accounts, the newest first">
        <Loaded data={first} height="high">
          {(page) => {
            const rows = [page, ...later].flatMap(({ accounts }) => accounts)
            if (rows.length === 0) return <NoAccounts isSearch={search + plan + state !== ''} />
            return (
              <>
                <p class="note">{count(page.total, 'account')} in all.</p>
                <Table
                  caption="Accounts"
                  rows={rows}
                  keyOf={({ accountId }) => accountId}
                  columns={[
                    { head: 'Owner', cell: Owner },
                    { head: 'Name', cell: ({ name }) => name !== null && <Stored text={name} /> },
                    { head: 'Plan', cell: ({ plan }) => plan },
                    { head: 'State', cell: ({ state }) => state },
                    { head: 'Keys', isFigure: true, cell: ({ keys }) => keys },
                    {
                      head: 'Charged this month',
                      isFigure: true,
                      cell: ({ creditsUsed }) => credits(creditsUsed),
                    },
                    { head: 'Opened', cell: ({ openedAt }) => dayText(openedAt) },
                  ]}
                />
                <OlderButton more={more} error={error} />
              </>
            )
          }}
        </Loaded>
      </Panel>
    </>
  )
}

function Owner({ accountId, owner }: ListedAccount) {
  return (
    <Link to={`/console/accounts/${accountId}`}>
      <Stored text={owner.id} />
      {owner.kind === 'organisation' && ' (organisation)'}
    </Link>
  )
}

function NoAccounts({ isSearch }: { isSearch: boolean }) {
  if (isSearch)
    return <Empty>No account fits. Search for a part of the name or the owner’s id alone.</Empty>
  return <Empty>There are no accounts yet: the first key of a customer opens one.</Empty>
}
