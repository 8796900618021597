import { Dialog } from "./dialog.tsx";
import { Form } from "./form.tsx";

interface ConfirmProps {
  title: string;
  help: string;
  action: string;
  onConfirm(): Promise<void>;
  onClose(): void;
}

/** Asks before something that cannot be taken back. */
export const Confirm = ({ title, help, action, onConfirm, onClose }: ConfirmProps) => (
  <Dialog title={title} onClose={onClose}>
    <p>{help}</p>
    <Form
      danger
      action={action}
      onCancel={onClose}
      onSubmit={async () => {
        await onConfirm();
        onClose();
      }}
    />
  </Dialog>
);
