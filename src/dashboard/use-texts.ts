import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { createFormatter, type Formatter } from "./format.ts";
import { fill, type Language, messagesOf } from "./language.ts";
import type { MessageKey } from "./text/en.ts";

/** The words of the page in the language of the person. */
export interface Texts {
  language: Language;
  t(key: MessageKey, values?: Readonly<Record<string, string | number>>): string;
  format: Formatter;
}

/** `locale`: the browser's, where it is of this language, for its way to write dates. */
export const createTexts = (language: Language, locale: string): Texts => ({
  language,
  t: (key, values) => fill(messagesOf[language][key], values),
  format: createFormatter(locale.toLowerCase().startsWith(language) ? locale : language),
});

export const TextsContext = createContext<Texts>(createTexts("en", "en"));

export const useTexts = (): Texts => useContext(TextsContext);
