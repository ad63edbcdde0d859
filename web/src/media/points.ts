import { programOf } from './gl'

/** What the map looks at: the middle in map units, and pixels per unit. */
export type Camera = { x: number; y: number; scale: number }
export type Points = {
  /** Places (x, y in pairs), and for each a colour (r, g, b in threes) and a state: 0 faint, 1 in the view, 2 selected. */
  place: (places: Float32Array) => void
  paint: (colours: Uint8Array, states: Uint8Array) => void
  draw: (camera: Camera, width: number, height: number, ratio: number) => void
  end: () => void
}

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place;
layout(location = 1) in vec3 colour;
layout(location = 2) in float state;
uniform vec2 middle;
uniform vec2 zoom;
uniform float size;
uniform float pass;
out vec3 tint;
out float strength;
out float ring;
void main() {
  // Three passes, so that what is selected lies on top whatever its row.
  bool mine = state == pass;
  gl_Position = mine ? vec4((place - middle) * zoom, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = pass == 2.0 ? size + 3.0 : pass == 0.0 ? size * 0.8 : size;
  tint = colour;
  strength = pass == 0.0 ? 0.12 : pass == 1.0 ? 0.85 : 1.0;
  ring = pass == 2.0 ? 1.0 : 0.0;
}`
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 tint;
in float strength;
in float ring;
uniform vec3 edge;
out vec4 ink;
void main() {
  float far = length(gl_PointCoord - 0.5) * 2.0;
  if (far > 1.0) discard;
  vec3 seen = ring > 0.5 && far > 0.66 ? edge : tint;
  float alpha = strength * (1.0 - smoothstep(0.8, 1.0, far));
  ink = vec4(seen * alpha, alpha);
}`

/** Draws points on a canvas with WebGL 2; null where the browser has none. */
export function drawsPoints(canvas: HTMLCanvasElement, edge: readonly [number, number, number]): Points | null {
  const gl = canvas.getContext('webgl2', { antialias: false, premultipliedAlpha: true, powerPreference: 'low-power' })
  if (!gl) return null
  const program = programOf(gl, VERTEX, FRAGMENT)
  if (!program) return null
  const buffers = [gl.createBuffer(), gl.createBuffer(), gl.createBuffer()]
  const feed = (slot: number, data: Float32Array | Uint8Array, each: number, kind: number, normal: boolean) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[slot]!)
    gl.bufferData(gl.ARRAY_BUFFER, data as Float32Array<ArrayBuffer>, gl.DYNAMIC_DRAW)
    gl.enableVertexAttribArray(slot)
    gl.vertexAttribPointer(slot, each, kind, normal, 0, 0)
  }
  const uniform = Object.fromEntries(['middle', 'zoom', 'size', 'pass', 'edge'].map((name) => [name, gl.getUniformLocation(program, name)]))
  let count = 0
  gl.enable(gl.BLEND)
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  return {
    place: (places) => {
      count = places.length / 2
      feed(0, places, 2, gl.FLOAT, false)
    },
    paint: (colours, states) => {
      feed(1, colours, 3, gl.UNSIGNED_BYTE, true)
      feed(2, states, 1, gl.UNSIGNED_BYTE, false)
    },
    draw: (camera, width, height, ratio) => {
      if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio)
        canvas.height = Math.round(height * ratio)
      }
      gl.viewport(0, 0, canvas.width, canvas.height)
      gl.clearColor(0, 0, 0, 0)
      gl.clear(gl.COLOR_BUFFER_BIT)
      gl.uniform2f(uniform.middle!, camera.x, camera.y)
      gl.uniform2f(uniform.zoom!, (2 * camera.scale) / width, (2 * camera.scale) / height)
      gl.uniform1f(uniform.size!, pointSize(count, camera.scale, Math.min(width, height)) * ratio)
      gl.uniform3f(uniform.edge!, ...edge)
      for (const pass of [0, 1, 2]) {
        gl.uniform1f(uniform.pass!, pass)
        gl.drawArrays(gl.POINTS, 0, count)
      }
    },
    end: () => gl.getExtension('WEBGL_lose_context')?.loseContext(),
  }
}

/** Pixels across a point: small where there are many, larger as one looks closer. */
export function pointSize(count: number, scale: number, side: number): number {
  const closer = Math.max(1, scale / (side / 2))
  const whole = count > 50_000 ? 2.4 : count > 10_000 ? 3.2 : count > 1_000 ? 5 : 7
  return Math.min(14, whole * Math.sqrt(closer))
}

/** The camera that shows all of [-1, 1] squared with some room. */
export const fitted = (width: number, height: number): Camera => ({ x: 0, y: 0, scale: Math.min(width, height) / 2.15 })

/** Where a pixel of the canvas lies on the map. */
export const onMap = (camera: Camera, width: number, height: number, px: number, py: number): [number, number] => [camera.x + (px - width / 2) / camera.scale, camera.y - (py - height / 2) / camera.scale]

/** Where a place of the map lies on the canvas. */
export const onCanvas = (camera: Camera, width: number, height: number, x: number, y: number): [number, number] => [width / 2 + (x - camera.x) * camera.scale, height / 2 - (y - camera.y) * camera.scale]

/** The camera nearer by a factor, with what is under the pixel left in its place. */
export function zoomed(camera: Camera, width: number, height: number, px: number, py: number, factor: number): Camera {
  const least = Math.min(width, height) / 6
  const scale = Math.min(least * 2000, Math.max(least, camera.scale * factor))
  const [x, y] = onMap(camera, width, height, px, py)
  return { scale, x: x - (px - width / 2) / scale, y: y + (py - height / 2) / scale }
}
