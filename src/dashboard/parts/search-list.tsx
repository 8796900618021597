import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useTexts } from "../use-texts.ts";

interface SearchListProps<T> {
  label: string;
  items: readonly T[];
  /** Where the words are looked for. */
  textOf(item: T): string;
  /** Lays out those that fit. */
  children(items: readonly T[]): ComponentChildren;
}

const shownAtFirst = 60; // a browser draws a thousand nodes slowly, and nobody reads them
const searchFrom = 8;

/** A list that can be searched, and shows only its beginning when it is long. */
export const SearchList = <T,>({ label, items, textOf, children }: SearchListProps<T>) => {
  const { t, format } = useTexts();
  const [words, setWords] = useState("");
  const [isWhole, setWhole] = useState(false);
  const wanted = words.trim().toLowerCase();
  const found = wanted ? items.filter((item) => textOf(item).toLowerCase().includes(wanted)) : items;
  const shown = isWhole ? found : found.slice(0, shownAtFirst);
  return (
    <>
      {(items.length >= searchFrom || wanted) && (
        <input
          class="search"
          type="search"
          aria-label={label}
          placeholder={label}
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
      )}
      {found.length > 0 ? children(shown) : <p class="muted">{t("noMatch", { text: words })}</p>}
      {shown.length < found.length && (
        <button type="button" class="button" onClick={() => setWhole(true)}>
          {t("showAll", { count: format.number(found.length) })}
        </button>
      )}
    </>
  );
};
