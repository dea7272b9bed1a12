import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { multiplied } from './test/unit/multiplied.ts'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          globalSetup: ['test/unit/global-setup.ts'],
          // Vitest leaves one core idle, of two the half; and a file often waits for a process that it has started.
          maxWorkers: availableParallelism() + 1,
          // Patience: more files than cores run side by side, and their processes beside them.
          testTimeout: multiplied(60_000),
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'stack',
          include: ['test/stack/**/*.test.ts'],
          globalSetup: ['test/stack/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          // Each file has its own database, topics and lake, and waits half of its time for servers.
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          globalSetup: ['test/interop/engines/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
