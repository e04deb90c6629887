/*
 * One question to the server and its answer as events. Aborting the signal closes the connection, and the server stops working on the
 * question.
 */

/** Why there is no answer; kind as in the server's problems, or UNREACHABLE or CUT_OFF. */
export class Problem extends Error {
  constructor(kind, detail, retryable) {
    super(detail);
    this.kind = kind;
    this.retryable = retryable;
  }

  get title() {
    return ADVICE[this.kind]?.[0] ?? "The question was not answered";
  }

  get advice() {
    return ADVICE[this.kind]?.[1] ?? "The application's log says more.";
  }
}

const ADVICE = {
  QUEUE_FULL: ["Too many questions are waiting", "Nothing was computed. Ask again when the others are answered."],
  QUEUE_TIMEOUT: ["The question waited too long", "Nothing was computed. Ask again when the others are answered."],
  TIMEOUT: ["The answer took too long", "Ask again, or start the application with a longer slim-infer.chat.timeout."],
  PROMPT_TOO_LONG: ["The prompt is too long", "Start the application with fewer passages, for example --rag.top-k=20, or ask a shorter question."],
  OUT_OF_MEMORY: ["The prompt does not fit into the KV cache", "Start the application with fewer passages (--rag.top-k=20) or with more slim-infer.kv-cache.memory."],
  CLOSED: ["The application is stopping", "Start it again, then ask again."],
  INVALID_REQUEST: ["The question was not taken", "Change it and ask again."],
  UNREACHABLE: ["The application does not answer", "Look whether it is still running, then ask again."],
  CUT_OFF: ["The connection ended before the answer did", "Look whether the application is still running, then ask again."],
};
const RETRYABLE = new Set(["QUEUE_FULL", "QUEUE_TIMEOUT", "TIMEOUT", "CLOSED", "INTERNAL", "UNREACHABLE", "CUT_OFF"]);

const problem = (kind, detail) => new Problem(kind, detail, RETRYABLE.has(kind));

/**
 * Asks and calls onEvent(name, data) for sources, text and finished.
 *
 * @param request {question, dense, whole}
 * @throws Problem, or an AbortError if the signal was aborted
 */
export async function ask(request, signal, onEvent) {
  let response;
  try {
    response = await fetch("api/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream, application/problem+json" },
      body: JSON.stringify(request),
      signal,
    });
  } catch (failure) {
    signal.throwIfAborted();
    throw problem("UNREACHABLE", failure.message);
  }
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw problem(told.kind ?? "INTERNAL", told.detail ?? (told.kind ? "" : `The server answered ${response.status}.`));
  }
  let finished = false;
  try {
    for await (const { event, data } of events(response.body)) {
      if (event === "error") {
        throw problem(data.kind ?? "INTERNAL", data.detail ?? "");
      }
      finished ||= event === "finished";
      onEvent(event, data);
    }
  } catch (failure) {
    signal.throwIfAborted();
    throw failure instanceof TypeError ? problem("CUT_OFF", failure.message) : failure;
  }
  if (!finished) {
    throw problem("CUT_OFF", "");
  }
}

/** Server-sent events of a response, which EventSource reads from a GET only. Events end at an empty line, data lines are joined. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      buffered += value;
      let end;
      while ((end = buffered.indexOf("\n\n")) >= 0) {
        const lines = buffered.slice(0, end).split("\n");
        buffered = buffered.slice(end + 2);
        const fields = (name) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1));
        const data = fields("data").join("\n");
        if (data !== "") {
          yield { event: fields("event")[0]?.trim() ?? "message", data: JSON.parse(data) };
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
