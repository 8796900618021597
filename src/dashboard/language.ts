import { en, type Messages } from "./text/en.ts";
import { ja } from "./text/ja.ts";

/** Every language of the dashboard by its BCP 47 tag. */
export const messagesOf = { en, ja } as const satisfies Record<string, Messages>;

export type Language = keyof typeof messagesOf;

/** As they call themselves. */
export const languageNames: Record<Language, string> = { en: "English", ja: "日本語" };

/** What was chosen once, else the first of the browser's languages that there is, else English. */
export const pickLanguage = (preferred: readonly string[], chosen: string | null): Language => {
  const tags = [chosen ?? "", ...preferred].map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return (tags.find((tag) => Object.hasOwn(messagesOf, tag)) as Language | undefined) ?? "en";
};

/** `{name}` in a text becomes its value; values are taken as they are, so a name with braces stays a name. */
export const fill = (text: string, values: Readonly<Record<string, string | number>> = {}): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
