/** The page of `src-renderer`, built to `dist/renderer`. */
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'src-renderer',
  // Served under any path, by any shell.
  base: './',
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    // What `light-dark()`, popovers and `<dialog>` need; then nothing has to be rewritten for older browsers.
    target: ['chrome125', 'firefox128', 'safari18'],
    // Everything is a file of our own: the content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
