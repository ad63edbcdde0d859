const web = new URL('../../web/', import.meta.url).pathname

/** The scene built as an application of its own, with the dashboard's engine and packages; nothing of it is shipped. */
export default {
  root: new URL('./scene', import.meta.url).pathname,
  base: './',
  resolve: {
    alias: [
      { find: /^@\//, replacement: `${web}src/` },
      { find: /^(konva|@annotorious\/annotorious)$/, replacement: `${web}node_modules/$1` },
    ],
  },
  build: { emptyOutDir: true, target: 'es2022' },
}
