import type { Node } from '@xyflow/react'
import type { GraphNode } from './graph'

/** The size of a thing in the drawing, pixels. */
export const WIDTH = 168
export const HEIGHT = 60
export type Shown = Node<{ node: GraphNode; focused: boolean; dim: boolean; hidden: number; open: () => void }, 'thing'>
