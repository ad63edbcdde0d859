import { programOf } from '../gl'

const VERTEX = `#version 300 es
layout(location = 0) in vec4 point;
uniform mat4 view;
uniform vec2 range;
uniform float size;
uniform bool byIntensity;
out float level;
void main() {
  gl_Position = view * vec4(point.xyz, 1.0);
  gl_PointSize = size;
  level = byIntensity ? point.w : clamp((point.z - range.x) / max(range.y - range.x, 1e-6), 0.0, 1.0);
}`
const FRAGMENT = `#version 300 es
precision mediump float;
in float level;
uniform sampler2D palette;
out vec4 ink;
void main() {
  if (length(gl_PointCoord - 0.5) > 0.5) discard;
  ink = vec4(texture(palette, vec2(level, 0.5)).rgb, 1.0);
}`

const LINE_VERTEX = `#version 300 es
layout(location = 0) in vec3 end;
layout(location = 1) in vec3 colour;
uniform mat4 view;
out vec3 tint;
void main() {
  gl_Position = view * vec4(end, 1.0);
  tint = colour;
}`
const LINE_FRAGMENT = `#version 300 es
precision mediump float;
in vec3 tint;
out vec4 ink;
void main() { ink = vec4(tint, 1.0); }`

/** Colours of the bird's-eye picture that the server makes, low to high. */
export const RAINBOW = [0x30123b, 0x4675ed, 0x1bcfd4, 0x61fc6c, 0xd1e834, 0xfe9b2d, 0xd93806, 0x7a0403]

export type CloudPainter = { draw: (view: Float32Array, options: { size: number; byIntensity: boolean; low: number; high: number }, lines?: { ends: Float32Array; colours: Float32Array }) => void; end: () => void }

/** Draws points (x, y, z, intensity) with WebGL 2; null where the browser has none. */
export function paintsCloud(canvas: HTMLCanvasElement, points: Float32Array): CloudPainter | null {
  const gl = canvas.getContext('webgl2', { antialias: false, powerPreference: 'low-power' })
  if (!gl) return null
  const program = programOf(gl, VERTEX, FRAGMENT)
  if (!program) return null
  const lined = programOf(gl, LINE_VERTEX, LINE_FRAGMENT)
  const [cloud, places, tints] = [gl.createBuffer(), gl.createBuffer(), gl.createBuffer()]
  gl.bindBuffer(gl.ARRAY_BUFFER, cloud)
  gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW)
  gl.enableVertexAttribArray(0)
  gl.vertexAttribPointer(0, 4, gl.FLOAT, false, 16, 0)
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture())
  const pixels = new Uint8Array(RAINBOW.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255, 255]))
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, RAINBOW.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels)
  for (const [name, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]] as const) gl.texParameteri(gl.TEXTURE_2D, name, value)
  gl.enable(gl.DEPTH_TEST)
  gl.clearColor(0, 0, 0, 0)
  const at = (name: string) => gl.getUniformLocation(program, name)
  return {
    draw: (view, { size, byIntensity, low, high }, lines) => {
      gl.useProgram(program)
      gl.bindBuffer(gl.ARRAY_BUFFER, cloud)
      gl.vertexAttribPointer(0, 4, gl.FLOAT, false, 16, 0)
      gl.viewport(0, 0, canvas.width, canvas.height)
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
      gl.uniformMatrix4fv(at('view'), false, view)
      gl.uniform2f(at('range'), low, high)
      gl.uniform1f(at('size'), size)
      gl.uniform1i(at('byIntensity'), byIntensity ? 1 : 0)
      gl.drawArrays(gl.POINTS, 0, points.length / 4)
      if (!lines || !lined || !lines.ends.length) return
      gl.useProgram(lined)
      gl.uniformMatrix4fv(gl.getUniformLocation(lined, 'view'), false, view)
      for (const [at, buffer, values] of [[0, places, lines.ends], [1, tints, lines.colours]] as const) {
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
        gl.bufferData(gl.ARRAY_BUFFER, values as Float32Array<ArrayBuffer>, gl.DYNAMIC_DRAW)
        gl.enableVertexAttribArray(at)
        gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 12, 0)
      }
      gl.disable(gl.DEPTH_TEST) // points on a face would hide its edges
      gl.drawArrays(gl.LINES, 0, lines.ends.length / 3)
      gl.enable(gl.DEPTH_TEST)
      gl.disableVertexAttribArray(1)
    },
    end: () => gl.getExtension('WEBGL_lose_context')?.loseContext(),
  }
}
