import { Tooltip } from 'radix-ui'
import type { ReactNode } from 'react'

export const TooltipProvider = ({ children }: { children: ReactNode }) => <Tooltip.Provider skipDelayDuration={200}>{children}</Tooltip.Provider>
