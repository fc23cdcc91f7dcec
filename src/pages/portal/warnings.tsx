/** What whoever owns the account should know before it stops calls. */

import { usePage } from '../shared/context.ts'
import { dayText } from '../shared/format.ts'
import { Link } from '../shared/link.tsx'
import { Stored } from '../shared/parts.tsx'
import { LinkOut, readSeller } from '../shared/seller.tsx'
import type { Account, Balance, History, Key, Prices } from '../shared/types.ts'
import { useData } from '../shared/use-data.ts'

const dayMs = 86_400_000
/** So near a key's end, or the end of the credits, is a warning. */
const nearDays = { key: 14, credits: 7 }

export function Warnings(props: { account: Account; balance: Balance; history: History }) {
  const { api, credits } = usePage()
  const { account, balance, history } = props
  const keys = useData(() => api.get<{ apiKeys: Key[] }>('/api-keys?limit=200'), [api])
  const prices = useData(() => api.get<Prices>('/account/prices'), [api])
  const buyMore = readSeller()?.links?.buyMore
  const lastsUntil = history.forecast?.lastsUntil
  const isNear = (time: string, days: number) => Date.parse(time) - Date.now() < days * dayMs
  const expiring = (keys.value?.apiKeys ?? []).filter(
    ({ active, expiresAt }) =>
      active &&
      expiresAt !== null &&
      Date.parse(expiresAt) > Date.now() &&
      isNear(expiresAt, nearDays.key),
  )
  const warnings = [
    account.frozen && <>The account is frozen, and buys nothing. Ask the seller why.</>,
    balance.debt > 0 && (
      <>You owe {credits(balance.debt)}, which the next credits that you get repay first.</>
    ),
    balance.available === 0 && (
      <>
        No credits are left: calls that cost something are refused.{' '}
        {buyMore && <LinkOut to={buyMore}>Buy more</LinkOut>}
      </>
    ),
    balance.available > 0 && lastsUntil && isNear(lastsUntil, nearDays.credits) && (
      <>As you use them now, your credits last until {dayText(lastsUntil)}.</>
    ),
    ...expiring.map(({ id, name, expiresAt }) => (
      <>
        The key{' '}
        <Link to={`/portal/keys/${id}`}>
          <Stored text={name} />
        </Link>{' '}
        expires on {dayText(expiresAt ?? '')}.
      </>
    )),
    account.plannedPlan && (
      <>
        The plan becomes {account.plannedPlan.plan} on {dayText(account.plannedPlan.from)}.
      </>
    ),
    ...(prices.value?.announced ?? []).map(({ from, notice }) => (
      <>
        Other <Link to="/portal/prices">prices</Link> come into force on {dayText(from)}.{' '}
        {notice && <Stored text={notice} />}
      </>
    )),
  ].filter((warning) => warning)
  if (warnings.length === 0) return null
  return (
    <section class="panel warnings" aria-label="What needs attention">
      <h2>What needs attention</h2>
      <ul>
        {warnings.map((warning, i) => (
          <li key={String(i)}>{warning}</li>
        ))}
      </ul>
    </section>
  )
}
