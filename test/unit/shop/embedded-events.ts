// What an embedded log holds, in the form of a recording.
import { keyText, valueText } from '../../../connectors/embedded-frame.ts'
import { PartitionReader } from '../../../connectors/embedded-reader.ts'
import { partitionFile, readTopics } from '../../../connectors/embedded-topics.ts'
import type { RecordedEvent } from './plain-event.ts'

/** The events of all topics of a prefix, by topic name and offset. */
export function embeddedEvents(dir: string, prefix: string): RecordedEvent[] {
  const events: RecordedEvent[] = []
  for (const { name, partitions } of readTopics(dir)) {
    if (name !== prefix && !name.startsWith(`${prefix}.`)) continue
    for (let partition = 0; partition < partitions; partition++) {
      const reader = new PartitionReader(partitionFile(dir, name, partition))
      reader.read(frame => {
        const headers = frame.headers === null ? [] : JSON.parse(frame.headers)
        events.push({ topic: name, headers, key: keyText(frame), value: valueText(frame) })
        return true
      })
      reader.close()
    }
  }
  return events
}
