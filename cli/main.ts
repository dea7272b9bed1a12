#!/usr/bin/env node
// The program `binlake`: checks Node's version before anything newer is loaded.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 6)) {
  process.stderr.write(
    `binlake needs Node 24.6 or newer; this is ${process.versions.node}. \`npx binlake\` in a checkout uses the one that npm ci installed.\n`,
  )
  process.exit(2)
}
const { main } = await import('./program.ts')
await main(process.argv)

export {}
