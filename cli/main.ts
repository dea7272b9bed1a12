#!/usr/bin/env node
// The program `binlake`: checks Node's version before anything newer is loaded.
import { enableCompileCache } from 'node:module'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 6)) {
  process.stderr.write(
    `binlake needs Node 24.6 or newer; this is ${process.versions.node}. \`npx binlake\` in a checkout uses the one that npm ci installed.\n`,
  )
  process.exit(2)
}
// Halves the start: without it every file's types are stripped anew.
enableCompileCache()
const { main } = await import('./program.ts')
await main(process.argv)
