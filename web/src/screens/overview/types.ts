import type { components } from '@/api/schema.gen'

export type Overview = components['schemas']['OverviewReport']
export type Need = components['schemas']['Need']
export type Story = components['schemas']['Story']
export type Chapter = components['schemas']['Chapter']
