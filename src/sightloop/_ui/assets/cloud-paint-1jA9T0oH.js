import{t as e}from"./gl-DWIGZRnw.js";var t=`#version 300 es
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
}`,n=`#version 300 es
precision mediump float;
in float level;
uniform sampler2D palette;
out vec4 ink;
void main() {
  if (length(gl_PointCoord - 0.5) > 0.5) discard;
  ink = vec4(texture(palette, vec2(level, 0.5)).rgb, 1.0);
}`,r=`#version 300 es
layout(location = 0) in vec3 end;
layout(location = 1) in vec3 colour;
uniform mat4 view;
out vec3 tint;
void main() {
  gl_Position = view * vec4(end, 1.0);
  tint = colour;
}`,i=`#version 300 es
precision mediump float;
in vec3 tint;
out vec4 ink;
void main() { ink = vec4(tint, 1.0); }`,a=[3150395,4617709,1822676,6421612,13756468,16685869,14235654,7996419];function o(o,s){let c=o.getContext(`webgl2`,{antialias:!1,powerPreference:`low-power`});if(!c)return null;let l=e(c,t,n);if(!l)return null;let u=e(c,r,i),[d,f,p]=[c.createBuffer(),c.createBuffer(),c.createBuffer()];c.bindBuffer(c.ARRAY_BUFFER,d),c.bufferData(c.ARRAY_BUFFER,s,c.STATIC_DRAW),c.enableVertexAttribArray(0),c.vertexAttribPointer(0,4,c.FLOAT,!1,16,0),c.bindTexture(c.TEXTURE_2D,c.createTexture());let m=new Uint8Array(a.flatMap(e=>[e>>16,e>>8&255,e&255,255]));c.texImage2D(c.TEXTURE_2D,0,c.RGBA,a.length,1,0,c.RGBA,c.UNSIGNED_BYTE,m);for(let[e,t]of[[c.TEXTURE_MIN_FILTER,c.LINEAR],[c.TEXTURE_MAG_FILTER,c.LINEAR],[c.TEXTURE_WRAP_S,c.CLAMP_TO_EDGE],[c.TEXTURE_WRAP_T,c.CLAMP_TO_EDGE]])c.texParameteri(c.TEXTURE_2D,e,t);c.enable(c.DEPTH_TEST),c.clearColor(0,0,0,0);let h=e=>c.getUniformLocation(l,e);return{draw:(e,{size:t,byIntensity:n,low:r,high:i},a)=>{if(c.useProgram(l),c.bindBuffer(c.ARRAY_BUFFER,d),c.vertexAttribPointer(0,4,c.FLOAT,!1,16,0),c.viewport(0,0,o.width,o.height),c.clear(c.COLOR_BUFFER_BIT|c.DEPTH_BUFFER_BIT),c.uniformMatrix4fv(h(`view`),!1,e),c.uniform2f(h(`range`),r,i),c.uniform1f(h(`size`),t),c.uniform1i(h(`byIntensity`),+!!n),c.drawArrays(c.POINTS,0,s.length/4),a&&u&&a.ends.length){c.useProgram(u),c.uniformMatrix4fv(c.getUniformLocation(u,`view`),!1,e);for(let[e,t,n]of[[0,f,a.ends],[1,p,a.colours]])c.bindBuffer(c.ARRAY_BUFFER,t),c.bufferData(c.ARRAY_BUFFER,n,c.DYNAMIC_DRAW),c.enableVertexAttribArray(e),c.vertexAttribPointer(e,3,c.FLOAT,!1,12,0);c.disable(c.DEPTH_TEST),c.drawArrays(c.LINES,0,a.ends.length/3),c.enable(c.DEPTH_TEST),c.disableVertexAttribArray(1)}},end:()=>c.getExtension(`WEBGL_lose_context`)?.loseContext()}}export{o as n,a as t};