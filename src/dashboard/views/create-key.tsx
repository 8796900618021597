import type { CreatedKey, CreateKeyRequest, KeyScope } from "../../api/router.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Field, Form, numberOf, textOf } from "../parts/form.tsx";
import { useApp } from "../use-app.ts";
import { useTexts } from "../use-texts.ts";

const scopes: readonly KeyScope[] = ["infer", "read", "admin"];
const checkedAtFirst: readonly KeyScope[] = ["infer", "read"];

/** Makes an API key. */
export const CreateKey = ({ onClose, onCreated }: { onClose(): void; onCreated(key: CreatedKey): void }) => {
  const { t } = useTexts();
  const { api } = useApp();
  const submit = async (values: FormData): Promise<void> => {
    const [perMinute, concurrency] = [numberOf(values, "perMinute"), numberOf(values, "concurrency")];
    const request: CreateKeyRequest = {
      name: textOf(values, "name") ?? "",
      scopes: values.getAll("scopes") as KeyScope[],
      ...(perMinute !== undefined && { requests_per_minute: perMinute }),
      ...(concurrency !== undefined && { concurrency }),
    };
    onCreated(await api.send<CreatedKey>("POST", "/api/router/keys", request));
  };
  return (
    <Dialog title={t("createKey")} onClose={onClose}>
      <Form action={t("create")} onSubmit={submit} onCancel={onClose}>
        <Field label={t("name")}>{(id) => <input id={id} name="name" required maxLength={64} />}</Field>
        <fieldset class="checks">
          <legend>{t("scopes")}</legend>
          {scopes.map((scope) => (
            <label key={scope}>
              <input type="checkbox" name="scopes" value={scope} defaultChecked={checkedAtFirst.includes(scope)} />{" "}
              {scope}
            </label>
          ))}
        </fieldset>
        <Field label={t("requestsPerMinute")}>
          {(id) => <input id={id} name="perMinute" type="number" min={1} max={1_000_000} step={1} />}
        </Field>
        <Field label={t("concurrency")}>
          {(id) => <input id={id} name="concurrency" type="number" min={1} max={100_000} step={1} />}
        </Field>
      </Form>
    </Dialog>
  );
};
