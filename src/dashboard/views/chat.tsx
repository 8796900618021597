import { useEffect, useRef, useState } from "preact/hooks";
import type { OpenAiModelList } from "../../api/openai.ts";
import type { Turn } from "../chat-turn.ts";
import { Trouble } from "../parts/trouble.tsx";
import { useApp } from "../use-app.ts";
import { type Chat, useChat } from "../use-chat.ts";
import { usePoll } from "../use-poll.ts";
import { useTexts } from "../use-texts.ts";
import { Composer } from "./composer.tsx";

const everyMs = 10_000;

/** A place to try a model. */
export const ChatView = () => {
  const texts = useTexts();
  const { t } = texts;
  const { api } = useApp();
  const polled = usePoll("chat", (signal) => api.get<OpenAiModelList>("/v1/models", signal), everyMs);
  const names = polled.value?.data.map(({ id }) => id) ?? [];
  const [chosen, setChosen] = useState<string>();
  const model = chosen !== undefined && names.includes(chosen) ? chosen : names[0];
  const chat = useChat(api, texts);
  return (
    <div class="chat">
      <div class="title-row">
        <h1>{t("chat")}</h1>
        <label class="model-choice push-end">
          <span class="visually-hidden">{t("chatModel")}</span>
          <select value={model ?? ""} disabled={!model} onChange={(event) => setChosen(event.currentTarget.value)}>
            {!model && <option value="">{t("chatNoModels")}</option>}
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="button" onClick={chat.clear} disabled={chat.turns.length === 0}>
          {t("chatClear")}
        </button>
      </div>
      <Trouble polled={polled} />
      <Turns chat={chat} />
      <Composer
        isBusy={chat.isBusy}
        onStop={chat.stop}
        {...(model && { onSend: (turn) => void chat.send(model, turn) })}
      />
    </div>
  );
};

const Turns = ({ chat: { turns, isBusy } }: { chat: Chat }) => {
  const { t } = useTexts();
  const end = useRef<HTMLDivElement>(null);
  const follows = useRef(true); // until the reader scrolls up
  useEffect(() => {
    const onScroll = (): void => {
      follows.current = innerHeight + scrollY >= document.documentElement.scrollHeight - 120;
    };
    addEventListener("scroll", onScroll, { passive: true });
    return () => removeEventListener("scroll", onScroll);
  }, []);
  useEffect(() => {
    if (turns.length > 0 && follows.current) end.current?.scrollIntoView({ block: "end" });
  }, [turns]);
  if (turns.length === 0)
    return (
      <div class="empty chat-empty">
        <h2>{t("chatEmpty")}</h2>
        <p>{t("chatEmptyHelp")}</p>
      </div>
    );
  return (
    <div class="turns" role="log" aria-busy={isBusy}>
      {turns.map((turn, index) => (
        // Turns are only added, so that an index stays with its turn.
        <TurnView key={index} turn={turn} isGrowing={isBusy && index === turns.length - 1} />
      ))}
      <div ref={end} class="turns-end" />
    </div>
  );
};

const TurnView = ({ turn, isGrowing }: { turn: Turn; isGrowing: boolean }) => {
  const { t } = useTexts();
  const { role, content, reasoning, images = [], note, failed } = turn;
  return (
    <article class={`turn turn-${role}`}>
      <h2 class="visually-hidden">{role === "user" ? t("chatYou") : t("chatModel")}</h2>
      {images.length > 0 && (
        <div class="pictures">
          {images.map((url, index) => (
            <img key={url} src={url} alt={t("chatPicture", { number: index + 1 })} />
          ))}
        </div>
      )}
      {reasoning && (
        <details class="reasoning" open={isGrowing && content === ""}>
          <summary>{t("chatThinking")}</summary>
          <p class="said">{reasoning}</p>
        </details>
      )}
      {content && <p class="said">{content}</p>}
      {isGrowing && !content && !reasoning && <p class="muted waiting">{t("chatWaiting")}</p>}
      {note && <p class={failed ? "error" : "muted note"}>{note}</p>}
    </article>
  );
};
