/** The values as an asynchronous stream. */
export async function* streamOf<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

/** Everything that a stream yields. */
export const collect = async <T>(values: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
};
