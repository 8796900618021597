/** The path of a request as it was sent: what routes are found by, at a tenth of the price of a `URL`. */
export const pathOf = ({ url }: Pick<Request, "url">): string => {
  const from = url.indexOf("/", "https://".length);
  const query = url.indexOf("?", from);
  return query < 0 ? url.slice(from) : url.slice(from, query);
};
