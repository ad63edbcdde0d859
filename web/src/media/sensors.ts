import { useQuery } from '@tanstack/react-query'
import { api, asked } from '@/api/client'
import type { Sensor } from './pinhole'

/** The calibration of a sample's group, where there is one; what it lacks is no error of the page. */
export function useSensors(sample: string, wanted = true): Record<string, Sensor> | null {
  const found = useQuery({ ...asked(['samples', sample, 'calibration'], () => api.GET('/api/v1/samples/{sample}/calibration', { params: { path: { sample } } })), enabled: wanted && !!sample, staleTime: 300_000, retry: false, placeholderData: undefined })
  return (found.data?.document as { sensors?: Record<string, Sensor> } | undefined)?.sensors ?? null
}
