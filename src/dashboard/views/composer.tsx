import { useRef, useState } from "preact/hooks";
import type { Turn } from "../chat-turn.ts";
import { pictureMaxBytes, readPicture } from "../read-picture.ts";
import { useTexts } from "../use-texts.ts";

interface ComposerProps {
  isBusy: boolean;
  /** Absent = there is nobody to send to. */
  onSend?(turn: Turn): void;
  onStop(): void;
}

const picturesMax = 4;

/** Where the next message is written. */
export const Composer = ({ isBusy, onSend, onStop }: ComposerProps) => {
  const { t, format } = useTexts();
  const [text, setText] = useState("");
  const [images, setImages] = useState<readonly string[]>([]);
  const [error, setError] = useState("");
  const send = (): void => {
    const content = text.trim();
    if (isBusy || !onSend || (content === "" && images.length === 0)) return;
    onSend({ role: "user", content, ...(images.length > 0 && { images }) });
    setText("");
    setImages([]);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter also ends the choice of a Japanese word: that is not the end of the message. (Safari tells it by 229.)
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  };
  const attach = async (files: readonly File[]): Promise<void> => {
    setError(
      files.some(({ size }) => size > pictureMaxBytes) ? t("chatTooLarge", { max: format.bytes(pictureMaxBytes) }) : "",
    );
    const fitting = files.filter(({ size }) => size <= pictureMaxBytes);
    const read = await Promise.all(fitting.map(readPicture));
    setImages((last) => [...last, ...read].slice(0, picturesMax));
  };
  return (
    <form
      class="composer card"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Pictures images={images} onRemove={(index) => setImages(images.filter((_, at) => at !== index))} />
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <textarea
        rows={2}
        aria-label={t("chatMessage")}
        placeholder={t("chatPlaceholder")}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="composer-foot">
        <AttachButton onFiles={attach} />
        {isBusy ? (
          <button type="button" class="button button-primary push-end" onClick={onStop}>
            {t("chatStop")}
          </button>
        ) : (
          <button type="submit" class="button button-primary push-end" disabled={!onSend}>
            {t("chatSend")}
          </button>
        )}
      </div>
    </form>
  );
};

const AttachButton = ({ onFiles }: { onFiles(files: readonly File[]): void }) => {
  const { t } = useTexts();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="image/*"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = ""; // the same file may be chosen again
        }}
      />
      <button type="button" class="button button-quiet" onClick={() => input.current?.click()}>
        {t("chatAttach")}
      </button>
    </>
  );
};

const Pictures = ({ images, onRemove }: { images: readonly string[]; onRemove(index: number): void }) => {
  const { t } = useTexts();
  if (images.length === 0) return null;
  return (
    <div class="pictures">
      {images.map((url, index) => (
        <button
          type="button"
          key={url}
          aria-label={t("chatDetach", { number: index + 1 })}
          title={t("chatDetach", { number: index + 1 })}
          onClick={() => onRemove(index)}
        >
          <img src={url} alt="" />
        </button>
      ))}
    </div>
  );
};
