/** The console: what the seller's staff sees of everyone's calls and accounts. It asks the documented API for all that it shows. */
import { show } from '../shared/site.tsx'
import '../shared/pages.css'
import { CallPage } from './call.tsx'
import { CallsPage } from './find-call.tsx'
import { HomePage } from './home.tsx'

show({
  name: 'Console',
  root: '/console',
  prices: '/admin/prices',
  places: [
    { path: '', name: 'Home', page: HomePage },
    { path: 'calls', name: 'Calls', page: CallsPage, part: CallPage },
  ],
})
