/** Whether the sender has what this tag names. A cache on the way may have made it a weak one. */
export const hasTagged = ({ headers }: Request, etag: string): boolean =>
  (headers.get("if-none-match") ?? "").split(/\s*,\s*/).some((known) => strong(known) === strong(etag));

const strong = (tag: string): string => tag.replace(/^W\//, "");

/**
 * JSON for those who ask again and again: 304 and no body while nothing changed. `essence` is what of `body` counts as a change; the
 * tag is a weak one, since two bodies of one essence need not have the same bytes.
 */
export const taggedJson = (request: Request, body: unknown, essence = body): Response => {
  const etag = `W/"${Bun.hash(JSON.stringify(essence)).toString(16)}"`;
  const headers = { etag, "cache-control": "private, no-cache" };
  if (hasTagged(request, etag)) return new Response(null, { status: 304, headers });
  return Response.json(body, { headers });
};
