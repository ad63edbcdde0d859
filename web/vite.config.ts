import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** The screen's own script by the address behind the workspace; the first that fits counts. */
const SCREENS = [
  ['', 'overview'], ['sources', 'sources'], ['datasets/*/diff', 'datasets/diff'], ['datasets*', 'datasets'], ['review/*', 'review/queue'], ['review', 'review'],
  ['s/*', 'review/sample'], ['runs/compare', 'runs/compare'], ['runs/*', 'runs/run'], ['runs', 'runs'], ['models/*', 'models/model'], ['models', 'models'],
  ['deployments/*', 'deployments/deployment'], ['deployments', 'deployments'], ['alerts/*', 'alerts/alert'], ['alerts', 'alerts'], ['audit', 'audit'],
] as const

let frame: Set<string> | undefined

/** What src/app.tsx imports at once of our own, and all that this imports, but for what begins before it. */
function reached(infoOf: (id: string) => { importedIds: string[] } | null): Set<string> {
  if (frame) return frame
  const waiting = [new URL('./src/app.tsx', import.meta.url).pathname]
  const found = new Set<string>()
  for (let id = waiting.pop(); id; id = waiting.pop()) {
    if (found.has(id) || /node_modules|\0|src[\\/]media[\\/](first|links)/.test(id)) continue
    found.add(id)
    waiting.push(...(infoOf(id)?.importedIds ?? []))
  }
  return (frame = found)
}

/** Writes screens.json: which scripts every page needs (`app`) and which a screen adds, so that the server can name them in the page. */
function screens(): Plugin {
  return {
    name: 'screens',
    generateBundle(_, bundle) {
      const closure = (end: string, without: readonly string[] = []): string[] => {
        const entry = Object.values(bundle).find((one) => one.type === 'chunk' && (one.facadeModuleId?.endsWith(end) || one.moduleIds.some((id) => id.endsWith(end))))
        if (!entry) throw new Error(`No script begins ${end}`)
        const found = new Set<string>()
        const waiting = [entry.fileName]
        for (let name = waiting.pop(); name; name = waiting.pop()) {
          const one = bundle[name]
          if (found.has(name) || without.includes(name) || one?.type !== 'chunk') continue
          found.add(name)
          waiting.push(...one.imports)
        }
        // The longest first: it is what the page waits for.
        const size = (name: string) => (bundle[name] as { code: string }).code.length
        return [...found].sort((a, b) => size(b) - size(a) || (a < b ? -1 : 1))
      }
      const main = closure('/src/main.tsx')
      const app = closure('/src/app.tsx', main)
      const added = SCREENS.map(([address, file]) => [address, closure(file.includes('/') ? `/src/screens/${file}.tsx` : `/src/screens/${file}/index.tsx`, [...main, ...app])])
      this.emitFile({ type: 'asset', fileName: 'screens.json', source: JSON.stringify({ app, screens: added }) })
    },
  }
}

// The built files are committed: the same source must give the same bytes, and little must change with a little.
export default defineConfig({
  base: './',
  plugins: [react(), tailwindcss(), screens()],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  build: {
    outDir: '../src/sightloop/_ui',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'first', priority: 4, test: /src[\\/]media[\\/](first|links)|preload-helper/ },
            { name: 'vendor', priority: 3, test: /node_modules[\\/](react|react-dom|scheduler|@tanstack[\\/](react-query|query-core|react-router|router-core|react-store|store|history))[\\/]/ },
            // Few files: a browser asks for six at a time.
            { name: (id, modules) => (reached((one) => modules.getModuleInfo(one)).has(id) ? 'frame' : null), priority: 2 },
            { name: 'parts', priority: 1, minShareCount: 14 },
          ],
        },
      },
    },
  },
  html: { cspNonce: 'SIGHTLOOP_NONCE' },
  server: { proxy: { '/api': 'http://127.0.0.1:8484' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0])
