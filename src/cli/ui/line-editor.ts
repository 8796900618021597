import { type EditText, edits, emptyText, insert } from "./edit-text.ts";
import type { Key, KeyName } from "./key-decoder.ts";

/** What a line looks like now. */
export interface LineView {
  prompt: string;
  text: string;
  cursor: number;
  /** Shown in grey while the text is empty. */
  placeholder: string;
}

/** What a key has led to. */
export type Pressed =
  | { kind: "edited" }
  | { kind: "line"; text: string }
  | { kind: "interrupt"; text: string }
  | { kind: "end" }
  | { kind: "clear-screen" };

export interface LineEditor {
  press(key: Key): Pressed;
  view(): LineView;
}

export interface LineEditorOptions {
  prompt: string;
  placeholder: string;
  /** Oldest first. */
  history: readonly string[];
  /** What stands on the line from the beginning; absent = nothing. */
  draft?: string;
}

interface Search {
  query: string;
  /** Index of the match in the history; -1 = none. */
  found: number;
  /** What stood on the line before. */
  before: EditText;
}

interface State {
  options: LineEditorOptions;
  line: EditText;
  /** Index into the history; its length = the line that is being written. */
  place: number;
  draft: string;
  search?: Search | undefined;
}

/** Edits one line, which may hold line ends. Pure but for its own state. */
export const createLineEditor = (options: LineEditorOptions): LineEditor => {
  const line = insert(emptyText, options.draft ?? "");
  const state: State = { options, line, place: options.history.length, draft: "" };
  return {
    press: (key) => (state.search ? pressInSearch(state, state.search, key) : press(state, key)),
    view: () => viewOf(state),
  };
};

const edited: Pressed = { kind: "edited" };

const press = (state: State, key: Key): Pressed => {
  if (key.kind !== "key") {
    state.line = insert(state.line, key.kind === "paste" ? plain(key.text) : key.text);
    return edited;
  }
  const { text } = state.line;
  const outcome: Partial<Record<KeyName, Pressed>> = {
    enter: { kind: "line", text },
    interrupt: { kind: "interrupt", text },
    "clear-screen": { kind: "clear-screen" },
    ...(text === "" ? { "end-of-input": { kind: "end" } as const } : {}),
  };
  const done = outcome[key.name];
  if (done) return done;
  if (key.name === "search") state.search = { query: "", found: -1, before: state.line };
  else edit(state, key.name === "end-of-input" ? "delete" : key.name);
  return edited;
};

/** A paste comes with the line ends of wherever it was copied; other control characters would steer the terminal. */
const plain = (text: string): string => text.replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\n\t]/gu, "");

const edit = (state: State, name: KeyName): void => {
  const next = edits[name]?.(state.line) ?? state.line;
  const stays = next.cursor === state.line.cursor && next.text === state.line.text;
  if (stays && name === "up") recall(state, state.place - 1);
  else if (stays && name === "down") recall(state, state.place + 1);
  else state.line = next;
};

const recall = (state: State, place: number): void => {
  const { history } = state.options;
  if (place < 0 || place > history.length) return;
  if (state.place === history.length) state.draft = state.line.text;
  state.place = place;
  const text = history[place] ?? state.draft;
  state.line = { ...state.line, text, cursor: text.length };
};

/** Ctrl+R: letters make the query longer, Ctrl+R goes on to older lines; any other key takes what was found and does its work there. */
const pressInSearch = (state: State, search: Search, key: Key): Pressed => {
  const { history } = state.options;
  if (key.kind !== "key") return look(state, { ...search, query: search.query + plain(key.text) }, history.length - 1);
  if (key.name === "search") return look(state, search, (search.found < 0 ? history.length : search.found) - 1);
  if (key.name === "backspace") return look(state, { ...search, query: search.query.slice(0, -1) }, history.length - 1);
  state.search = undefined;
  if (key.name !== "escape" && key.name !== "interrupt") return press(state, key);
  state.line = search.before;
  return edited;
};

const look = (state: State, search: Search, from: number): Pressed => {
  const { history } = state.options;
  let found = search.query === "" ? -1 : from;
  while (found >= 0 && !history[found]?.includes(search.query)) found--;
  state.search = { ...search, found: found >= 0 ? found : search.found };
  const text = history[found];
  if (text !== undefined) {
    state.place = found;
    state.line = { ...state.line, text, cursor: text.indexOf(search.query) };
  }
  return edited;
};

const viewOf = ({ options, line, search }: State): LineView => {
  const { prompt, placeholder } = options;
  const { text, cursor } = line;
  if (!search) return { prompt, text, cursor, placeholder };
  const failed = search.query !== "" && !text.includes(search.query) ? "failed " : "";
  return { prompt: `(${failed}reverse-i-search)'${search.query}': `, text, cursor, placeholder: "" };
};
