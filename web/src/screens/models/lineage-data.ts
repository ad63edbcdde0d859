import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { api, asked } from '@/api/client'
import { graphOf, type Graph } from './graph'
import { versionsQuery } from './queries'

/** The lineage of the workspace once all of its lists are here; `pending` until then. */
export function useLineage(): { graph: Graph; pending: boolean; error: unknown } {
  const models = useQuery(asked(['models'], () => api.GET('/api/v1/models')))
  const datasets = useQuery(asked(['datasets'], () => api.GET('/api/v1/datasets')))
  const deployments = useQuery(asked(['deployments'], () => api.GET('/api/v1/deployments')))
  const alerts = useQuery(asked(['alerts'], () => api.GET('/api/v1/alerts')))
  const cycles = useQuery(asked(['cycles'], () => api.GET('/api/v1/cycles')))
  const versions = useQueries({ queries: (models.data?.items ?? []).map((one) => versionsQuery(one.name)), combine: together })
  const dataVersions = useQueries({ queries: (datasets.data?.items ?? []).map((one) => asked(['dataset-versions', one.name], () => api.GET('/api/v1/datasets/{name}/versions', { params: { path: { name: one.name } } }))), combine: together })
  const lists = [models, datasets, deployments, alerts, cycles]
  const graph = useMemo(() => {
    const aliases: Record<string, string[]> = {}
    for (const model of models.data?.items ?? []) for (const [alias, version] of Object.entries(model.aliases)) (aliases[version] ??= []).push(alias)
    return graphOf({ versions: versions.items, aliases, datasets: dataVersions.items, deployments: deployments.data?.items ?? [], alerts: alerts.data?.items ?? [], cycles: cycles.data?.items ?? [] })
  }, [models.data, versions, dataVersions, deployments.data, alerts.data, cycles.data])
  return { graph, pending: lists.some((one) => one.isPending) || versions.pending || dataVersions.pending, error: lists.find((one) => one.isError)?.error ?? null }
}

const together = <T,>(all: { data?: { items: T[] }; isPending: boolean }[]) => ({ items: all.flatMap((one) => one.data?.items ?? []), pending: all.some((one) => one.isPending) })
