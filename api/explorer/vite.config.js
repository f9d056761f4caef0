import { defineConfig } from 'vite';

// File names carry no hash, so that the server can embed them by name; the server sends an ETag instead.
const names = {
  entryFileNames: 'assets/[name].js',
  chunkFileNames: 'assets/[name].js',
  assetFileNames: 'assets/[name][extname]',
};

export default defineConfig({
  base: '/graphql/explorer/',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 8000,
    rollupOptions: { output: { ...names, codeSplitting: false } },
  },
  worker: { format: 'es', rollupOptions: { output: names } },
});
