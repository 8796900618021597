import { AppError } from "../../core/errors.ts";
import type { App } from "../../http/create-app.ts";
import { activitySpans } from "../activity.ts";
import type { RouterDeps } from "../deps.ts";

/** What was asked of late. */
export const activityRoutes = (app: App, { activity }: Pick<RouterDeps, "activity">) =>
  app.get("/api/router/activity", ({ request }) => {
    const asked = new URL(request.url).searchParams.get("span") ?? "minutes";
    const span = activitySpans.find((one) => one === asked);
    if (!span)
      throw new AppError("invalid_argument", `invalid span "${asked}": expected ${activitySpans.join(" or ")}`);
    return activity.view(span);
  });
