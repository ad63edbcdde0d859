import './tokens.css'
import { beginPage } from './media/first'

// What the address needs is asked for while the rest of the scripts are still on the way.
beginPage(location)
void import('./app')
