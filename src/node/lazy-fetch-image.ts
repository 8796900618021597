import type { FetchImage } from "./fetch-image.ts";

/** Most nodes never fetch a picture: the code that does is read with the first, so that they start sooner. */
export const lazyFetchImage = (): FetchImage => {
  let made: Promise<FetchImage> | undefined;
  return async (url, options) => {
    made ??= import("./fetch-image.ts").then(({ createFetchImage }) => createFetchImage());
    return await (await made)(url, options);
  };
};
