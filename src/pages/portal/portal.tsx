/** The portal: what whoever buys calls sees of his account. It asks the documented API for all that it shows. */
import { show } from '../shared/site.tsx'
import '../shared/pages.css'
import { CallsPage } from './calls.tsx'
import { HomePage } from './home.tsx'
import { KeyPage } from './key.tsx'
import { KeysPage } from './keys.tsx'
import { PricesPage } from './prices.tsx'
import { ReceiptPage } from './receipt.tsx'
import { StatementsPage } from './statements.tsx'
import { UsagePage } from './usage.tsx'

show({
  name: 'Portal',
  root: '/portal',
  prices: '/account/prices',
  namesSeller: true,
  places: [
    { path: '', name: 'Home', page: HomePage },
    { path: 'keys', name: 'Keys', page: KeysPage, part: KeyPage },
    { path: 'usage', name: 'Usage', page: UsagePage },
    { path: 'calls', name: 'Calls', page: CallsPage, part: ReceiptPage },
    { path: 'statements', name: 'Statements', page: StatementsPage },
    { path: 'prices', name: 'Prices', page: PricesPage },
  ],
})
