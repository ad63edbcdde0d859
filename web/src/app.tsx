import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queries } from './api/client'
import { router } from './router'
import { onKey } from './shell/keys'
import { theme } from './shell/theme'

// The overlays' scroll lock writes a style element; it carries the nonce of the page's policy.
setNonce(document.querySelector<HTMLElement>('meta[property=csp-nonce]')?.nonce ?? '')
theme.begin()
addEventListener('keydown', onKey)

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
