import { expect, test } from 'vitest'
import { parseRunning, projectName } from '../../../infra/docker.ts'

const services = [
  { Service: 'mysql', State: 'running', Health: 'healthy' },
  { Service: 'kafka', State: 'running', Health: '' },
  { Service: 'connect', State: 'exited' },
  { Service: 'azurite', State: 'running', Health: 'unhealthy' },
]

test('reads both forms of `docker compose ps --format json`', () => {
  const lines = services.map(service => JSON.stringify(service)).join('\n')
  expect(parseRunning(`warning: something\n${lines}`)).toEqual(new Set(['mysql', 'kafka']))
  expect(parseRunning(JSON.stringify(services))).toEqual(new Set(['mysql', 'kafka']))
  expect(parseRunning('')).toEqual(new Set())
})

test('each state folder has its own project', () => {
  expect(projectName('/a/.binlake')).toMatch(/^binlake-[0-9a-f]{8}$/)
  expect(projectName('/a/.binlake')).toBe(projectName('/a/x/../.binlake'))
  expect(projectName('/a/.binlake')).not.toBe(projectName('/b/.binlake'))
})
