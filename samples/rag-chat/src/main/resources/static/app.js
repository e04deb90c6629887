"use strict";

/*
 * Asks /api/ask and shows the answer while it is streamed. Everything that comes from the server is put into the page as text,
 * never as markup. Aborting the fetch closes the connection, and the server stops working on the question.
 */

const byId = (id) => document.getElementById(id);
const form = byId("form");
const question = byId("question");
const dense = byId("dense");
const askButton = byId("ask");
const cancelButton = byId("cancel");
const answer = byId("answer");
const status = byId("status");

let running = null;

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function show(message, isError) {
  status.textContent = message;
  status.classList.toggle("error", Boolean(isError));
}

function setRunning(controller) {
  running = controller;
  askButton.disabled = controller !== null;
  cancelButton.disabled = controller === null;
  answer.setAttribute("aria-busy", String(controller !== null));
}

function showSources(sources) {
  byId("sources").replaceChildren(...sources.map((source) => {
    const item = document.createElement("li");
    const details = document.createElement("details");
    details.append(
      element("summary", `${source.file} (similarity ${source.score.toFixed(2)})`),
      element("p", source.text));
    item.append(details);
    return item;
  }));
  byId("sources-section").hidden = false;
}

function showReport(report) {
  const number = (value) => value.toLocaleString("en");
  const percent = (share) => `${Math.round(share * 100)} %`;
  const rows = [
    ["Time to first token", `${number(Math.round(report.ttftMillis))} ms, ${number(Math.round(report.queueMillis))} ms of it in the queue`],
    ["Prompt", `${number(report.promptTokens)} tokens`],
    ["Answer", `${number(report.answerTokens)} tokens, ${report.perTokenMillis.toFixed(1)} ms each, ${report.finishReason}`],
    ["Pruned", `${percent(report.prunedShare)} of the work by token and layer, ${percent(report.flopsSavedShare)} of the FLOPs`],
    ...report.stages.map((stage) => [
      `Layers ${stage.firstLayer} to ${stage.lastLayer}`,
      `${number(stage.liveTokens)} tokens in ${number(stage.keptBlocks)} blocks`]),
  ];
  byId("figures").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  byId("report").hidden = false;
}

function handle(event, data) {
  if (event === "sources") {
    showSources(data.sources);
    show("Reading " + data.sources.length + " passages …");
  } else if (event === "text") {
    answer.textContent += data.text;
  } else if (event === "finished") {
    showReport(data);
    show("Done.");
  } else if (event === "error") {
    show(data.message, true);
  }
}

/** Server-sent events from a POST, which EventSource cannot make: events end at an empty line, data lines are joined. */
async function readEvents(body, onEvent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = "";
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
      let event = "message";
      const data = [];
      for (const line of lines) {
        if (line.startsWith("event:")) {
          event = line.slice(6).trim();
        } else if (line.startsWith("data:")) {
          data.push(line.slice(5));
        }
      }
      if (data.length > 0) {
        onEvent(event, JSON.parse(data.join("\n")));
      }
    }
  }
}

async function ask() {
  const text = question.value.trim();
  if (text === "" || running !== null) {
    return;
  }
  const controller = new AbortController();
  setRunning(controller);
  answer.textContent = "";
  byId("report").hidden = true;
  byId("sources-section").hidden = true;
  show("Reading …");
  let ended = false;
  try {
    const response = await fetch("api/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ question: text, dense: dense.checked }),
      signal: controller.signal,
    });
    if (!response.ok) {
      throw new Error(`The server answered ${response.status}.`);
    }
    await readEvents(response.body, (event, data) => {
      ended = ended || event === "finished" || event === "error";
      handle(event, data);
    });
    if (!ended) {
      show("The connection ended before the answer did.", true);
    }
  } catch (failure) {
    if (controller.signal.aborted) {
      show("Cancelled.");
    } else {
      show(failure.message, true);
    }
  } finally {
    setRunning(null);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});

question.addEventListener("keydown", (event) => {
  // isComposing: Enter ends a word of an input method then.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running !== null) {
    running.abort();
  }
});

cancelButton.addEventListener("click", () => running?.abort());
