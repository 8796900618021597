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
  const { t } = useTexts();
  const [words, setWords] = useState("");
  const [limit, setLimit] = useState(shownAtFirst);
  const wanted = words.trim().toLowerCase();
  const found = wanted ? items.filter((item) => textOf(item).toLowerCase().includes(wanted)) : items;
  const hidden = found.length - limit;
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
      {found.length > 0 ? children(found.slice(0, limit)) : <p class="muted">{t("noMatch", { text: words })}</p>}
      {hidden > 0 && (
        <button type="button" class="button" onClick={() => setLimit(limit + shownAtFirst)}>
          {t("showMore", { count: hidden })}
        </button>
      )}
    </>
  );
};
