// The part of parquetjs-lite that the benchmark uses; the package has no types of its own.
declare module 'parquetjs-lite' {
  interface Column {
    type: string
    optional?: boolean
    compression?: string
  }

  export class ParquetSchema {
    constructor(columns: Record<string, Column>)
  }

  export class ParquetWriter {
    static openFile(schema: ParquetSchema, path: string, options: { rowGroupSize: number }): Promise<ParquetWriter>
    appendRow(row: Record<string, unknown>): Promise<void>
    close(): Promise<void>
  }
}
