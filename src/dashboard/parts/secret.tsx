import { useTexts } from "../use-texts.ts";
import { CopyBox } from "./copy-box.tsx";
import { Dialog } from "./dialog.tsx";

interface SecretProps {
  secret: string;
  /** A command that uses it. */
  command?: { label: string; text: string };
  onClose(): void;
}

/** Shows what can be seen only once. */
export const Secret = ({ secret, command, onClose }: SecretProps) => {
  const { t } = useTexts();
  return (
    <Dialog title={t("secretTitle")} onClose={onClose}>
      <p>{t("secretHelp")}</p>
      <CopyBox text={secret} />
      {command && (
        <>
          <p>{command.label}</p>
          <CopyBox text={command.text} />
        </>
      )}
      <div class="actions">
        <button type="button" class="button button-primary" onClick={onClose}>
          {t("close")}
        </button>
      </div>
    </Dialog>
  );
};
