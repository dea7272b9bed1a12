// Steps at which a test has this process killed, as a power cut would.
// Guarantee: nothing happens unless one was armed by name.

/** Named for the step that has just been done, or is about to be. */
export const failPoints = [
  'write:uploaded',
  'commit:before-put',
  'commit:after-put',
  'checkpoint:before-put',
  'checkpoint:before-hint',
  'merge:planned',
  'merge:written',
  'merge:history-committed',
  'merge:markers-committed',
  'compact:written',
  'rebuild:written',
  'rebuild:history-swapped',
  'quarantine:decided',
  'quarantine:in-bronze',
  'quarantine:settled',
  'vacuum:deleted-one',
  'cleanup:deleted-one',
] as const
export type FailPoint = (typeof failPoints)[number]

let armed: { name: string; hits: number } | undefined

/** `name` or `name:n`, the nth time it is reached. Throws RangeError for a name that is none. */
export function armFailPoint(text: string): void {
  const [, name = '', hits = '1'] = /^(.*?)(?::(\d+))?$/.exec(text)!
  if (!failPoints.some(known => known === name))
    throw new RangeError(`no such fail point: ${text}; there are ${failPoints.join(', ')}`)
  armed = { name, hits: Number(hits) }
}

/** Kills this process without any clean-up if the point is armed and its turn has come. */
export function failPoint(name: FailPoint): void {
  if (armed?.name !== name) return
  armed.hits--
  if (armed.hits === 0) process.kill(process.pid, 'SIGKILL')
}
