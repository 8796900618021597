import { AppError } from "../../core/errors.ts";
import type { App } from "../../http/create-app.ts";

const reasons = {
  "/api/push": "llmlb does not push models; upload a GGUF to Hugging Face and pull it from there",
  "/api/create":
    "llmlb does not create models; pull a GGUF from Hugging Face, and give the system prompt and options in the request",
  "/api/blobs/:digest": "llmlb does not take uploads of blobs; pull the model from Hugging Face",
} as const;

/** The part of Ollama's API that makes and publishes models: clients learn that it is not here, and what to do instead. */
export const unsupportedRoutes = (app: App) => {
  for (const [path, reason] of Object.entries(reasons)) {
    app.post(path, ({ request }) => refuse(request, reason), { parse: "none" });
  }
  return app.head("/api/blobs/:digest", () => new Response(null, { status: 501 }));
};

/** The body is dropped unread: a blob may have gigabytes. */
const refuse = (request: Request, reason: string): never => {
  void request.body?.cancel();
  throw new AppError("unsupported", reason);
};
