// One set of engines for all interop tests of a run.
import { startEngineServer } from './server.ts'

export default async function setup(): Promise<() => Promise<void>> {
  const server = await startEngineServer()
  process.env.BINLAKE_TEST_ENGINES = server.address
  return () => server.stop()
}
