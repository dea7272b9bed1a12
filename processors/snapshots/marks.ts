// What changes that no event tells of say in `_snapshot` on their way to silver.

/** In temp table `applied`: a row that a snapshot read again and found as it was (mark-unchanged.ts). History leaves it out. */
export const unchangedMark = 'unchanged'

/** In history too: a row that a full snapshot did not meet any more (apply-sweep.ts). */
export const sweptMark = 'sweep'
