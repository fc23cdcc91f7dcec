/** The console: what the seller's staff sees of everyone's calls and accounts. It asks the documented API for all that it shows. */
import { show } from '../shared/site.tsx'
import '../shared/pages.css'
import { AccountPage } from './account.tsx'
import { AccountsPage } from './accounts.tsx'
import { CallPage } from './call.tsx'
import { CallsPage } from './find-call.tsx'
import { HealthPage } from './health.tsx'
import { HomePage } from './home.tsx'
import { LogPage } from './log.tsx'
import { OperatorKeysPage } from './operator-keys.tsx'
import { PricesPage } from './prices.tsx'

show({
  name: 'Console',
  root: '/console',
  prices: '/admin/prices',
  places: [
    { path: '', name: 'Home', page: HomePage },
    { path: 'accounts', name: 'Accounts', page: AccountsPage, part: AccountPage },
    { path: 'calls', name: 'Calls', page: CallsPage, part: CallPage },
    { path: 'log', name: 'Log', page: LogPage },
    { path: 'prices', name: 'Prices', page: PricesPage },
    { path: 'operator-keys', name: 'Operator keys', page: OperatorKeysPage },
    { path: 'health', name: 'Health', page: HealthPage },
  ],
})
