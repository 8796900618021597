import type { AppError } from "../../core/errors.ts";

/** The body of a node's answer, read piece by piece; what nobody reads is not received. */
export interface UpstreamBody {
  /** The next piece; undefined = the body is here in full. Rejects when the connection breaks. */
  read(): Promise<Uint8Array | undefined>;
  /** Nobody reads on: the connection is closed, so that the node stops its work. Does nothing after the end. */
  cancel(): void;
}

/** As it comes from the connection. */
export interface ReceivedBody extends UpstreamBody {
  /** All of it, where it is here already, as short answers are; it is read then. */
  takeWhole(): Uint8Array | undefined;
}

/** The end at which pieces come in. */
export interface BodyInlet {
  readonly body: ReceivedBody;
  push(piece: Uint8Array): void;
  end(): void;
  fail(error: AppError): void;
}

interface Flow {
  /** Stops receiving, until `resume`. */
  pause(): void;
  resume(): void;
  cancel(): void;
}

const waitingMaxBytes = 64 * 1024; // about what the system's own buffer holds: less would stop a fast reader too

export const createUpstreamBody = (flow: Flow): BodyInlet => {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let paused = false;
  let outcome: { error?: AppError } | undefined;
  let reader: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  const settle = (end: { error?: AppError }): void => {
    outcome ??= end;
    if (!reader) return;
    if (outcome.error) reader.reject(outcome.error);
    else reader.resolve(undefined);
    reader = undefined;
  };
  return {
    push(piece) {
      if (piece.length === 0 || outcome) return;
      if (reader) {
        reader.resolve(piece);
        reader = undefined;
        return;
      }
      waiting.push(piece);
      waitingBytes += piece.length;
      if (paused || waitingBytes < waitingMaxBytes) return;
      paused = true;
      flow.pause();
    },
    end() {
      settle({});
      // What waits here is all that there was: the connection goes on to carry other answers, for which nobody would wake it.
      if (paused) flow.resume();
      paused = false;
    },
    fail: (error) => settle({ error }),
    body: {
      read() {
        const piece = waiting.shift();
        if (piece) {
          waitingBytes -= piece.length;
          if (paused && waiting.length === 0) {
            paused = false;
            flow.resume();
          }
          return Promise.resolve(piece);
        }
        if (outcome) return outcome.error ? Promise.reject(outcome.error) : Promise.resolve(undefined);
        reader = Promise.withResolvers();
        return reader.promise;
      },
      takeWhole() {
        if (!outcome || outcome.error || paused) return undefined;
        waitingBytes = 0;
        const pieces = waiting.splice(0);
        return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      },
      cancel() {
        waiting.length = 0;
        waitingBytes = 0;
        if (!outcome) flow.cancel();
        settle({});
      },
    },
  };
};
