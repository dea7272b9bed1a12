// Dates, times and instants at their limits.
import { column, type TypeColumn } from './case.ts'

const zeroIsDefault = 'a zero date in a NOT NULL column becomes its default'

const calendars = 'of the ten days that the Gregorian calendar left out, 5 to 14 October 1582, a snapshot moves a DATETIME by ten'

const dates: TypeColumn[] = [
  column('DATE', {
    'year 1000': "'1000-01-01'",
    'year 1': "'0001-01-01'",
    'year 99': "'0099-12-31'",
    'between the calendars': "'1582-10-10'",
    'before 1970': "'1969-12-31'",
    '1970': "'1970-01-01'",
    'leap day': "'2024-02-29'",
    last: "'9999-12-31'",
    'zero date': "'0000-00-00'",
    'zero month': "'2024-00-00'",
    'zero day': "'2024-02-00'",
  }),
  column("DATE NOT NULL DEFAULT '1970-01-01'", { 'zero date': "'0000-00-00'", '1970': "'1970-01-01'" }, { name: 'c_date_nn' }),
]

const fraction = (digits: number) => (digits === 0 ? '' : `.${'9'.repeat(digits)}`)
const suffix = (digits: number) => (digits === 0 ? '' : `(${digits})`)
const precisions = [0, 1, 2, 3, 4, 5, 6]

const times: TypeColumn[] = precisions.map(digits =>
  column(`TIME${suffix(digits)}`, {
    min: "'-838:59:59'",
    max: "'838:59:59'",
    zero: "'00:00:00'",
    'a day': "'24:00:00'",
    'last of a day': `'23:59:59${fraction(digits)}'`,
    ...(digits === 0
      ? {}
      : {
          'near min': `'-838:59:58${fraction(digits)}'`,
          'minus least': `'-00:00:00.${'0'.repeat(digits - 1)}1'`,
          least: `'00:00:00.${'0'.repeat(digits - 1)}1'`,
          'near max': `'838:59:58${fraction(digits)}'`,
        }),
  }),
)

const datetimes: TypeColumn[] = precisions.map(digits =>
  column(`DATETIME${suffix(digits)}`, {
    'year 1000': "'1000-01-01 00:00:00'",
    'year 1': "'0001-01-01 00:00:00'",
    'between the calendars': { value: "'1582-10-10 10:11:12'", lost: { snapshot: calendars } },
    'before 1970': `'1969-12-31 23:59:59${fraction(digits)}'`,
    '1970': "'1970-01-01 00:00:00'",
    'skipped in New York': "'2024-03-10 02:30:00'",
    'twice in New York': "'2024-11-03 01:30:00'",
    'skipped in Berlin': "'2024-03-31 02:30:00'",
    last: `'9999-12-31 23:59:59${fraction(digits)}'`,
    'zero date': "'0000-00-00 00:00:00'",
  }),
)

const timestamps: TypeColumn[] = precisions.map(digits =>
  column(`TIMESTAMP${suffix(digits)} NULL`, {
    first: "'1970-01-01 00:00:01'",
    last: `'2038-01-19 03:14:07${fraction(digits)}'`,
    fraction: `'2018-06-20 13:37:03${digits === 0 ? '' : `.${'123456'.slice(0, digits)}`}'`,
    'before the clocks go back': "'2024-11-03 05:30:00'",
    'after the clocks go back': "'2024-11-03 06:30:00'",
    'clocks go forward': "'2024-03-10 07:00:00'",
    'zero date': "'0000-00-00 00:00:00'",
  }),
)

export const timeCases: TypeColumn[] = [
  ...dates,
  ...times,
  ...datetimes,
  ...timestamps,
  column(
    "TIMESTAMP(3) NOT NULL DEFAULT '2000-01-01 00:00:00'",
    {
      instant: "'2024-11-03 05:30:00.123'",
      'zero date': { value: "'0000-00-00 00:00:00'", lost: { snapshot: zeroIsDefault, stream: zeroIsDefault } },
    },
    { name: 'c_timestamp_nn' },
  ),
]
