import type { TSchema } from "@sinclair/typebox";
import { version } from "../core/version.ts";
import type { CheckedBody } from "../http/checked-body.ts";
import { type Dialect, dialectOf } from "../http/errors.ts";
import { type OperationTexts, operations } from "./openapi-operations.ts";

/** A route as Elysia has it; the schema of a `CheckedBody` is JSON Schema already. */
export interface RegisteredRoute {
  method: string;
  path: string;
  hooks: { body?: unknown };
}

/** OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1) of what `routes` serve. Made by hand: a package would read the schemas no better, and wants TypeScript beside it. */
export const openApiDocument = (routes: readonly RegisteredRoute[]) => {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = templated(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "llmlb",
      version,
      description:
        "An inference node with the APIs of Ollama, OpenAI and Anthropic. Bodies may have more fields than are listed.",
    },
    // A key is needed only where the node has one.
    security: [{}, { bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      schemas: errorSchemas,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
};

/** Elysia's `:name` and `*` as OpenAPI's `{name}`. */
const templated = (path: string): string => path.replace(/:(\w+)/g, "{$1}").replace("*", "{model}");

const operationOf = ({ method, path, hooks: { body } }: RegisteredRoute) => {
  const {
    tag,
    summary,
    answers = ["application/json"],
    status = 200,
  }: Partial<OperationTexts> = operations[`${method} ${path}`] ?? {};
  const names = [...templated(path).matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const schema = { type: "string" };
  return {
    operationId: `${method.toLowerCase()}${templated(path).replace(/\W+/g, "_")}`,
    ...(tag && { tags: [tag] }),
    ...(summary && { summary }),
    ...(names.length > 0 && { parameters: names.map((name) => ({ name, in: "path", required: true, schema })) }),
    ...(body
      ? {
          requestBody: {
            required: true,
            content: { "application/json": { schema: (body as CheckedBody<TSchema>).schema } },
          },
        }
      : {}),
    responses: {
      [status]: { description: status === 200 ? "The answer" : "Why not", ...(status === 200 && content(answers)) },
      default: {
        description: "What went wrong",
        content: { "application/json": { schema: { $ref: `#/components/schemas/${dialectOf(path)}Error` } } },
      },
    },
  };
};

const content = (types: readonly string[]) =>
  types.length === 0 ? {} : { content: Object.fromEntries(types.map((type) => [type, { schema: schemaOf(type) }])) };

const schemaOf = (type: string) => (type === "application/json" ? {} : { type: "string" });

const text = { type: "string" };
const nullableText = { type: ["string", "null"] };
const object = (properties: Record<string, object>) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
});

/** As `http/errors.ts` writes them. */
const errorSchemas: Record<`${Dialect}Error`, object> = {
  ollamaError: object({ error: text }),
  openAiError: object({ error: object({ message: text, type: text, param: nullableText, code: nullableText }) }),
  anthropicError: object({ type: { const: "error" }, error: object({ type: text, message: text }) }),
};
