// Ctrl-C and SIGTERM: the first asks for a clean stop, the second ends the process at once.

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

export interface Stop {
  signal: AbortSignal
  /** Which signal asked, and the exit code a command gives that was cut short by it. */
  readonly exitCode: number
  /** Stops listening, so that signals act as usual again. */
  release(): void
}

/** Listens from now on. `say` writes a message for people. */
export function listenForStop(say: (text: string) => void): Stop {
  const controller = new AbortController()
  let code = 0
  const on = (name: keyof typeof exitCodes) => () => {
    if (controller.signal.aborted) process.exit(exitCodes[name])
    code = exitCodes[name]
    say(name === 'SIGINT' ? '\nstopping; Ctrl-C again stops at once\n' : 'stopping (SIGTERM)\n')
    controller.abort()
  }
  const handlers = { SIGINT: on('SIGINT'), SIGTERM: on('SIGTERM') }
  for (const [name, handler] of Object.entries(handlers)) process.on(name, handler)
  return {
    signal: controller.signal,
    get exitCode() {
      return code
    },
    release() {
      for (const [name, handler] of Object.entries(handlers)) process.off(name, handler)
    },
  }
}
