/** The number of the frame that is shown at a time, from 0, where frames come evenly. */
export const frameAt = (seconds: number, fps: number): number => Math.max(0, Math.floor(seconds * (fps || 25) + 1e-6))

/** A time within a frame that is safe from rounding: its middle, in seconds. */
export const middleOf = (frame: number, fps: number): number => (frame + 0.5) / (fps || 25)
