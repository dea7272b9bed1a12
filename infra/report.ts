// How the stack tells what it is doing: the caller prints, the stack does not.
// Guarantee: a step that reports 'start' later reports 'done', 'skipped' or 'failed'.

export interface StackEvent {
  /** What is being done: `mysql`, `download kafka`, `connector`. */
  step: string
  state: 'start' | 'progress' | 'done' | 'skipped' | 'failed'
  detail?: string
  /** Amount done so far and in all, in the unit that `detail` names. */
  done?: number
  total?: number
}

export type Report = (event: StackEvent) => void

/** Runs one step between its 'start' and its 'done' or 'failed'. What `work` returns as a string is the detail of 'done'. */
export async function step<T>(report: Report, name: string, work: () => Promise<T>): Promise<T> {
  report({ step: name, state: 'start' })
  try {
    const result = await work()
    report({ step: name, state: 'done', ...(typeof result === 'string' ? { detail: result } : {}) })
    return result
  } catch (error) {
    report({ step: name, state: 'failed', detail: error instanceof Error ? error.message.split('\n')[0]! : String(error) })
    throw error
  }
}
