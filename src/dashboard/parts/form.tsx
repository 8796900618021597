import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { useTexts } from "../use-texts.ts";

interface FieldProps {
  label: string;
  hint?: string;
  children(id: string, hintId: string | undefined): ComponentChildren;
}

/** A control with its label. */
export const Field = ({ label, hint, children }: FieldProps) => {
  const id = useId();
  const hintId = hint ? `${id}-hint` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hintId)}
      {hint && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
};

interface FormProps {
  action: string;
  danger?: boolean;
  /** Resolves when it is done; what it throws is shown. */
  onSubmit(values: FormData): Promise<void>;
  onCancel?(): void;
  children?: ComponentChildren;
}

/** A form that is busy while it works and says why it failed. */
export const Form = ({ action, danger, onSubmit, onCancel, children }: FormProps) => {
  const { t } = useTexts();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError("");
    try {
      await onSubmit(new FormData(event.currentTarget as HTMLFormElement));
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit}>
      {children}
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <div class="actions">
        {onCancel && (
          <button type="button" class="button" onClick={onCancel}>
            {t("cancel")}
          </button>
        )}
        <button type="submit" class={danger ? "button button-danger" : "button button-primary"} disabled={busy}>
          {action}
        </button>
      </div>
    </form>
  );
};

/** The trimmed text of a field; undefined when it is empty. */
export const textOf = (values: FormData, name: string): string | undefined =>
  String(values.get(name) ?? "").trim() || undefined;

/** The number in a field; undefined when it is empty. */
export const numberOf = (values: FormData, name: string): number | undefined => {
  const text = textOf(values, name);
  return text === undefined ? undefined : Number(text);
};
