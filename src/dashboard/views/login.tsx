import { Field, Form, textOf } from "../parts/form.tsx";
import { useTexts } from "../use-texts.ts";

interface LoginProps {
  /** Resolves to false when the router does not know the key. */
  onKey(key: string): Promise<boolean>;
  onCancel?(): void;
}

/** Asks for a key. */
export const LoginView = ({ onKey, onCancel }: LoginProps) => {
  const { t } = useTexts();
  const submit = async (values: FormData): Promise<void> => {
    if (!(await onKey(textOf(values, "key") ?? ""))) throw new Error(t("wrongKey"));
  };
  return (
    <main id="main" class="narrow" tabIndex={-1}>
      <div class="card login">
        <h1>{t("loginTitle")}</h1>
        <p>{t("loginHelp")}</p>
        <Form action={t("signIn")} onSubmit={submit} {...(onCancel && { onCancel })}>
          <Field label={t("apiKey")} hint={t("loginKept")}>
            {(id, hintId) => (
              <input
                {...{ id, name: "key", type: "password", required: true, autoComplete: "off", spellcheck: false }}
                aria-describedby={hintId}
              />
            )}
          </Field>
        </Form>
        <p class="hint">{t("loginHow")}</p>
      </div>
    </main>
  );
};
