import { ask, Problem } from "./ask.js";
import { Comparison } from "./compare.js";
import { clone, count, duration, make, number, percentValue } from "./dom.js";
import { drawStrip } from "./strip.js";

const PASSAGES_SHOWN = 4;

/** Why an answer ended, where that is not simply its end. */
const ENDINGS = {
  LENGTH: "The answer was cut off: it reached slim-infer.chat.max-tokens.",
  CANCELLED: "The work was cancelled before the answer ended.",
};

/** A question and all that belongs to it. */
export class Turn {
  #question;
  #dense;
  #find;
  #clockRuns = false;
  #sources = [];
  #strip = null;

  /**
   * @param work runs what is given to it, one at a time for the whole page, with a signal that Stop aborts
   */
  constructor(conversation, question, dense, work) {
    this.#question = question;
    this.#dense = dense;
    const turn = clone("turn-template").querySelector(".turn");
    this.element = turn;
    this.#find = (selector) => turn.querySelector(selector);
    this.#find(".question").textContent = question;
    this.#find(".question").id = `question-${Math.random().toString(36).slice(2)}`;
    turn.setAttribute("aria-labelledby", this.#find(".question").id);
    this.#find(".again").addEventListener("click", () => work((signal) => this.run(signal)));
    conversation.append(turn);

    const comparison = new Comparison(question, this.#find(".comparison"));
    this.#find(".compare").addEventListener("click", () => work(async (signal) => {
      const button = this.#find(".compare");
      button.setAttribute("aria-disabled", "true");
      try {
        await comparison.run(signal);
        button.textContent = "Run both again";
      } catch (failure) {
        this.#find(".verdict").textContent = signal.aborted
          ? "Stopped. The server has cancelled the work."
          : `${failure.title ?? failure.message}. ${failure.advice ?? ""}`;
      } finally {
        button.removeAttribute("aria-disabled");
      }
    }));
  }

  /** Asks and shows the answer as it comes. Never throws: what went wrong is shown. */
  async run(signal) {
    this.#begin();
    try {
      await ask({ question: this.#question, dense: this.#dense }, signal, (event, data) => this.#take(event, data));
    } catch (failure) {
      if (signal.aborted) {
        this.#progress("Stopped. The server has cancelled the work.");
      } else {
        this.#fail(failure instanceof Problem ? failure : new Problem("INTERNAL", failure.message, true));
      }
    } finally {
      this.#clockRuns = false;
      this.element.classList.remove("busy");
      this.#find(".answer").setAttribute("aria-busy", "false");
    }
  }

  #begin() {
    this.element.classList.add("busy");
    this.#find(".answer").replaceChildren();
    this.#find(".answer").setAttribute("aria-busy", "true");
    this.#find(".problem").hidden = true;
    this.#progress(this.#dense ? "Reading the passages, every token in every layer" : "Reading the passages");
    const clock = this.#find(".clock");
    const started = performance.now();
    this.#clockRuns = true;
    const tick = () => {
      if (this.#clockRuns) {
        clock.textContent = duration(performance.now() - started);
        requestAnimationFrame(tick);
      } else {
        clock.textContent = "";
      }
    };
    tick();
  }

  #progress(text) {
    this.#find(".progress-text").textContent = text;
    this.#find(".progress").hidden = text === "";
  }

  #take(event, data) {
    if (event === "sources") {
      this.#showSources(data.sources);
    } else if (event === "text") {
      if (this.#clockRuns) {
        this.#clockRuns = false;
        this.#progress("Answering");
      }
      this.#find(".answer").append(data.text);
    } else if (event === "finished") {
      this.#progress(ENDINGS[data.report.finishReason] ?? "");
      this.#showFigures(data.report);
      this.#find(".seen").hidden = false;
      if (data.prompt === null) {
        this.#find(".strip").replaceChildren(make("p", "note", "slim-infer.chat.include-prompt-blocks is false: the prompt is not shown."));
      } else {
        this.#strip = drawStrip(this.#find(".strip"), data.prompt, this.#sources);
        this.#showPlaces(data.prompt.passages);
      }
    }
  }

  #fail(problem) {
    this.#progress("");
    this.#find(".problem-title").textContent = problem.title;
    this.#find(".problem-advice").textContent = problem.advice;
    this.#find(".problem-detail").textContent = problem.message;
    this.#find(".problem-detail").hidden = problem.message === "";
    this.#find(".again").hidden = !problem.retryable;
    this.#find(".problem").hidden = false;
  }

  #showFigures(report) {
    const figure = (name, value, unit, more) => {
      const shown = make("dd", "", make("span", "value", value), make("span", "unit", unit));
      if (more) {
        shown.append(make("span", "more-of-it", more));
      }
      return make("div", "figure", make("dt", "", name), shown);
    };
    const [time, timeUnit] = duration(report.ttftMillis).split(" ");
    this.#find(".figures").replaceChildren(
      figure("First token", time, ` ${timeUnit}`, report.queueMillis >= 1 ? `${duration(report.queueMillis)} in the queue` : ""),
      figure("Prompt", number(report.promptTokens), " tokens", report.cachedTokens > 0 ? `${number(report.cachedTokens)} cached` : "none cached"),
      figure("Pruned", percentValue(report.prunedShare), " %", "of tokens times layers"),
      figure("Speed", report.perTokenMillis > 0 ? (1000 / report.perTokenMillis).toFixed(1) : "–", " tokens/s",
        count(report.answerTokens, "token", "tokens")));
    this.#find(".figures").hidden = false;
  }

  #showSources(sources) {
    this.#sources = sources;
    const list = this.#find(".passages");
    list.replaceChildren(...sources.map((source, index) => {
      const places = make("span", "places");
      const summary = make("summary", "", make("span", "file", source.file), places,
        make("span", "score", source.score.toFixed(2)), make("span", "excerpt", source.text));
      summary.querySelector(".score").setAttribute("aria-label", `similarity ${source.score.toFixed(2)}`);
      const item = make("li", "", make("details", "", summary, make("p", "", source.text)));
      item.hidden = index >= PASSAGES_SHOWN;
      const light = () => this.#strip?.highlight(index);
      const dim = () => this.#strip?.highlight(null);
      item.addEventListener("pointerenter", light);
      item.addEventListener("focusin", light);
      item.addEventListener("pointerleave", dim);
      item.addEventListener("focusout", dim);
      return item;
    }));
    const more = this.#find(".more");
    more.hidden = sources.length <= PASSAGES_SHOWN;
    more.textContent = `Show all ${sources.length} passages`;
    more.onclick = () => {
      list.querySelectorAll("li").forEach((item) => { item.hidden = false; });
      list.children[PASSAGES_SHOWN].querySelector("summary").focus();
      more.hidden = true;
    };
    this.#find(".sources").hidden = sources.length === 0;
  }

  /** Which blocks of the strip each passage fills. */
  #showPlaces(passages) {
    this.element.querySelectorAll(".places").forEach((place, index) => {
      const range = passages[index];
      place.textContent = range === null ? "" : range.first === range.last ? `block ${range.first}` : `blocks ${range.first}–${range.last}`;
    });
  }
}
