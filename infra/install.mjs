// Run before npm scripts: installs the packages if they are missing or older than the lockfile, so that a fresh clone just works.
// Plain JavaScript, because it must run on whatever Node is there.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'

const installed = 'node_modules/.package-lock.json'
const fresh = existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs

if (!fresh) {
  process.stderr.write('installing packages (npm ci)\n')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: 'inherit', shell: process.platform === 'win32' })
  process.exit(status ?? 1)
}
