import { useState } from "preact/hooks";
import { useTexts } from "../use-texts.ts";

/** A text to be copied, with a button where the browser lets a page copy (HTTPS and this machine). */
export const CopyBox = ({ text }: { text: string }) => {
  const { t } = useTexts();
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <div class="copy-box">
      <code>{text}</code>
      {isSecureContext && (
        <button type="button" class="button" onClick={copy}>
          {copied ? t("copied") : t("copy")}
        </button>
      )}
    </div>
  );
};
