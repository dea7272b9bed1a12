// How the table of the type self-test is called, on every side of the line.
// Guarantee: a lake that is not the self-test's own never takes it in.

/** One name for all times, so that self-tests leave one topic in Kafka, whatever their number. */
export const selfTestTable = 'binlake_type_test'

/** Whether a table, or the topic of one, is the self-test's. */
export function isSelfTest(tableOrTopic: string): boolean {
  return tableOrTopic === selfTestTable || tableOrTopic.endsWith(`.${selfTestTable}`)
}
