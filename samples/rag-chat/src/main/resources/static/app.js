import { byId, make } from "./dom.js";
import { Turn } from "./turn.js";

/* The page: composer, conversation, and that only one thing runs at a time. */

const form = byId("form");
const question = byId("question");
const askButton = byId("ask");
const stopButton = byId("stop");
const conversation = byId("conversation");

let running = null;

/** Runs a task with a signal that Stop and Escape abort. Does nothing while another one runs. */
async function work(task) {
  if (running !== null) {
    return;
  }
  running = new AbortController();
  setRunning(true);
  try {
    await task(running.signal);
  } finally {
    running = null;
    setRunning(false);
  }
}

function setRunning(isRunning) {
  // Before a button that has the focus goes: without it a keyboard's user would start again at the top of the page.
  const focused = document.activeElement;
  askButton.hidden = isRunning;
  stopButton.hidden = !isRunning;
  document.body.classList.toggle("running", isRunning);
  if (focused === askButton && isRunning) {
    stopButton.focus();
  } else if (focused === stopButton && !isRunning) {
    question.focus();
  }
}

function start(text) {
  const dense = form.elements.prefill.value === "dense";
  byId("intro").classList.add("done");
  byId("title").classList.add("hidden");
  document.querySelectorAll("#intro :is(p, ul)").forEach((element) => { element.hidden = true; });
  question.value = "";
  fit();
  return work((signal) => {
    const turn = new Turn(conversation, text, dense, work);
    turn.element.scrollIntoView({ block: "start" });
    return turn.run(signal);
  });
}

/** The question's field is as high as its text. */
function fit() {
  question.style.setProperty("height", "auto");
  question.style.setProperty("height", `${question.scrollHeight}px`);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text !== "" && running === null) {
    start(text);
  }
});

question.addEventListener("input", fit);
question.addEventListener("keydown", (event) => {
  // isComposing: Enter ends a word of an input method then.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

stopButton.addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    running?.abort();
  }
});

async function showAbout() {
  const about = await (await fetch("api/about")).json();
  byId("about").textContent = [
    about.model && `${about.model} on ${about.backend}`,
    `${about.topK} passages a question`,
    about.schedule && `pruning ${about.schedule}`,
  ].filter(Boolean).join(" · ");
  byId("examples").replaceChildren(...about.examples.map((text) => {
    const button = make("button", "example", text);
    button.type = "button";
    button.addEventListener("click", () => {
      question.focus();
      start(text);
    });
    return make("li", "", button);
  }));
}

showAbout().catch(() => {
  byId("about").textContent = "The application does not answer.";
});
