import type { AddNodeRequest, RouterNode } from "../../api/router.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Field, Form, textOf } from "../parts/form.tsx";
import { useApp } from "../use-app.ts";
import { useTexts } from "../use-texts.ts";

/** Takes a server into the cluster. */
export const AddNode = ({ onClose, onAdded }: { onClose(): void; onAdded(): void }) => {
  const { t } = useTexts();
  const { api } = useApp();
  const submit = async (values: FormData): Promise<void> => {
    const [name, key] = [textOf(values, "name"), textOf(values, "key")];
    const request: AddNodeRequest = {
      url: textOf(values, "url") ?? "",
      ...(name !== undefined && { name }),
      ...(key !== undefined && { api_key: key }),
    };
    await api.send<RouterNode>("POST", "/api/router/nodes", request);
    onAdded();
    onClose();
  };
  return (
    <Dialog title={t("addNode")} onClose={onClose}>
      <p>{t("nodeAddHelp")}</p>
      <Form action={t("addNode")} onSubmit={submit} onCancel={onClose}>
        <Field label={t("nodeUrl")} hint={t("nodeUrlHint")}>
          {(id, hintId) => (
            <input
              {...{ id, name: "url", required: true, maxLength: 512, spellcheck: false, autoCapitalize: "none" }}
              inputMode="url"
              aria-describedby={hintId}
            />
          )}
        </Field>
        <Field label={t("nodeName")}>{(id) => <input id={id} name="name" maxLength={64} />}</Field>
        <Field label={t("nodeKey")}>
          {(id) => <input id={id} name="key" type="password" autoComplete="off" maxLength={4096} />}
        </Field>
      </Form>
    </Dialog>
  );
};
