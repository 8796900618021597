import type { App } from "../../http/create-app.ts";

/** `/openapi.json`: what this node serves, read off its own routes. Made when somebody asks. */
export const openApiRoutes = (app: App) =>
  app.get("/openapi.json", async () => {
    const { openApiDocument } = await import("../openapi.ts");
    return Response.json(openApiDocument(app.routes));
  });
