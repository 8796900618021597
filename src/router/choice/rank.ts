/** The one whose first differing number is less; of equals the first. `of` is not empty. */
export const firstByRank = <T>(of: readonly T[], rankOf: (one: T) => readonly number[]): T => {
  const ranked = of.map((one) => ({ one, rank: rankOf(one) }));
  return ranked.reduce((best, next) => (isBefore(next.rank, best.rank) ? next : best)).one;
};

const isBefore = (a: readonly number[], b: readonly number[]): boolean => {
  const index = a.findIndex((value, at) => value !== b[at]);
  return index >= 0 && (a[index] as number) < (b[index] as number);
};
