/** The portal: what whoever buys calls sees of his account. It asks the documented API for all that it shows. */
import { render } from 'preact'
import { Portal } from './layout.tsx'
import './portal.css'

const root = document.getElementById('portal')
if (root) render(<Portal />, root)
