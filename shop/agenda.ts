// What the simulation has still to do, by time: a binary heap.
// Guarantee: tasks come out in time order, those of one instant in the order they were put in.

interface Entry<Task> {
  at: number
  sequence: number
  task: Task
}

export interface Agenda<Task> {
  readonly size: number
  add(at: number, task: Task): void
  /** Takes the earliest out, or undefined when nothing is left. */
  next(): { at: number; task: Task } | undefined
}

export function createAgenda<Task>(): Agenda<Task> {
  const heap: Entry<Task>[] = []
  let sequence = 0
  const earlier = (a: Entry<Task>, b: Entry<Task>) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

  const sink = (entry: Entry<Task>) => {
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child++
      if (!earlier(heap[child]!, entry)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = entry
  }

  return {
    get size() {
      return heap.length
    },
    add(at, task) {
      const entry = { at, sequence: sequence++, task }
      let index = heap.length
      while (index > 0) {
        const parent = (index - 1) >> 1
        if (!earlier(entry, heap[parent]!)) break
        heap[index] = heap[parent]!
        index = parent
      }
      heap[index] = entry
    },
    next() {
      const first = heap[0]
      const last = heap.pop()
      if (first !== undefined && last !== undefined && heap.length > 0) sink(last)
      return first
    },
  }
}
