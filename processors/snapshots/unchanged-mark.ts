// What a change that changed nothing says in `_snapshot` of temp table `applied` (mark-unchanged.ts); history leaves it out.
export const unchangedMark = 'unchanged'
