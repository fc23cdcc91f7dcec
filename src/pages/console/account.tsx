/** One account: what is noted of it, what it has, what it used, its keys, its statements, and what happened to it; and what an operator can change. */
import { ApiError } from '../shared/api.ts'
import { usePage } from '../shared/context.ts'
import { dayText, monthText } from '../shared/format.ts'
import { stateColumns } from '../shared/key-columns.ts'
import { Link } from '../shared/link.tsx'
import { Lots } from '../shared/lots.tsx'
import { OlderButton } from '../shared/older-button.tsx'
import { Empty, Facts, Loaded, Panel, Stored, Table } from '../shared/parts.tsx'
import { profileFacts } from '../shared/profile.tsx'
import type { Balance, Key, StatementMonth } from '../shared/types.ts'
import { type Data, useData } from '../shared/use-data.ts'
import { usePages } from '../shared/use-pages.ts'
import { AccountActions } from './account-actions.tsx'
import { AccountUsage } from './account-usage.tsx'
import { Events } from './events.tsx'
import { Notes } from './notes.tsx'
import type { AuditedAccount, EventPage } from './types.ts'

interface Found {
  readonly account: AuditedAccount
  readonly balance: Balance
}

export function AccountPage({ id }: { id: string }) {
  const { api } = usePage()
  const path = `/admin/accounts/${encodeURIComponent(id)}`
  const found = useData(
    () =>
      api.get<Found>(path).catch((error) => {
        if (error instanceof ApiError && [400, 404].includes(error.status)) return null
        throw error
      }),
    [api, path],
  )
  return (
    <>
      <p>
        <Link to="/console/accounts">All accounts</Link>
      </p>
      <Loaded data={found} height="high">
        {(value) =>
          value === null ? (
            <>
              <h1>No such account</h1>
              <Empty>There is no account of the id {id}. Search for its owner instead.</Empty>
            </>
          ) : (
            <WithAccount path={path} found={found} {...value} />
          )
        }
      </Loaded>
    </>
  )
}

function WithAccount(props: Found & { path: string; found: Data<Found | null> }) {
  const { account, balance, path, found } = props
  const { api } = usePage()
  const events = usePages(
    (cursor) =>
      api.get<EventPage>(
        `/admin/events?order=newest&calls=false&limit=50&accountId=${account.accountId}${cursor === undefined ? '' : `&cursor=${cursor}`}`,
      ),
    [api, account.accountId],
  )
  const reload = () => {
    found.reload()
    events.first.reload()
  }
  return (
    <>
      <h1>
        <Stored text={account.profile.name ?? account.owner.id} />
      </h1>
      <Panel
        title="The account"
        aside={<AccountActions account={account} balance={balance} path={path} onDone={reload} />}
      >
        <AccountFacts account={account} />
      </Panel>
      <Notes account={account} path={path} onWritten={reload} />
      <Credits balance={balance} />
      <AccountUsage path={path} />
      <Keys accountId={account.accountId} />
      <Statements path={path} />
      <Panel title="What happened to it, the newest first">
        <Loaded data={events.first} height="low">
          {(page) => (
            <>
              <Events
                events={[page, ...events.later].flatMap(({ events }) => events)}
                caption="What happened to the account"
              />
              <OlderButton more={events.more} error={events.error} />
            </>
          )}
        </Loaded>
      </Panel>
    </>
  )
}

function AccountFacts({ account }: { account: AuditedAccount }) {
  const { accountId, owner, plan, plannedPlan, frozen, erased, openedAt } = account
  const state = erased ? 'erased' : frozen ? 'frozen: it buys nothing' : 'open'
  return (
    <Facts
      facts={[
        ['State', state],
        [
          'Plan',
          plannedPlan ? `${plan}, ${plannedPlan.plan} from ${dayText(plannedPlan.from)}` : plan,
        ],
        [
          'Owner',
          <span key="owner">
            {owner.kind === 'organisation' ? 'the organisation ' : 'the user '}
            <Stored text={owner.id} />
          </span>,
        ],
        ...profileFacts(account.profile),
        ['Id', <code key="id">{accountId}</code>],
        ['Calls at once', account.maxInFlight.toLocaleString('en')],
        ['Opened', dayText(openedAt)],
      ]}
    />
  )
}

function Credits({ balance }: { balance: Balance }) {
  const { credits } = usePage()
  const { available, held, debt, lots, allowance } = balance
  return (
    <Panel title="Credits">
      <p class="large">{credits(available)} left</p>
      <p>
        Held for calls under way: {credits(held)}.{' '}
        {debt > 0 && `The account owes ${credits(debt)}, which the next credits repay. `}
        {allowance.due > 0 && `The next call brings ${credits(allowance.due)} of the plan.`}
      </p>
      {lots.length === 0 ? (
        <Empty>
          It has no lots of credits yet. Its first call brings the allowance of the plan.
        </Empty>
      ) : (
        <Lots lots={lots} />
      )}
    </Panel>
  )
}

function Keys({ accountId }: { accountId: string }) {
  const { api, credits } = usePage()
  const keys = useData(
    () => api.get<{ apiKeys: Key[] }>(`/admin/api-keys?accountId=${accountId}&limit=200`),
    [api, accountId],
  )
  return (
    <Panel title="Keys">
      <Loaded data={keys} height="low">
        {({ apiKeys }) =>
          apiKeys.length === 0 ? (
            <Empty>It has no keys. Its owner makes one in the portal, or by POST /api-keys.</Empty>
          ) : (
            <Table
              caption="Keys"
              rows={apiKeys}
              keyOf={({ id }) => id}
              columns={[
                { head: 'Name', cell: ({ name }) => <Stored text={name} /> },
                { head: 'Key', cell: ({ keyPrefix }) => <code>{keyPrefix}</code> },
                { head: 'Id', cell: ({ id }) => <code>{id}</code> },
                ...stateColumns(credits),
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  )
}

function Statements({ path }: { path: string }) {
  const { api, credits } = usePage()
  const months = useData(
    () => api.get<{ statements: StatementMonth[] }>(`${path}/statements`),
    [api, path],
  )
  return (
    <Panel title="Statements">
      <Loaded data={months} height="low">
        {({ statements }) => (
          <Table
            caption="Statements"
            rows={statements}
            keyOf={({ month }) => month}
            columns={[
              {
                head: 'Month',
                cell: ({ month }) => (
                  <a
                    href={`${path}/statements/${month}?format=html`}
                    target="_blank"
                    rel="noopener"
                  >
                    {monthText(month)}
                    <span class="unseen">, in a new tab</span>
                  </a>
                ),
              },
              { head: 'Charged', isFigure: true, cell: ({ charged }) => credits(charged) },
              { head: 'Refunded', isFigure: true, cell: ({ refunded }) => credits(refunded) },
              { head: 'Granted', isFigure: true, cell: ({ granted }) => credits(granted) },
            ]}
          />
        )}
      </Loaded>
    </Panel>
  )
}
