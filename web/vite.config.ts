import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The server that `npm run dev` forwards to; `make dev` starts it there.
const server = process.env.RINGFENCE_URL ?? 'http://127.0.0.1:8443';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // A font or a picture inlined as data: would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: {
      '/api': { target: server, ws: true },
      '/mailbox': server,
    },
  },
  test: { include: ['src/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
