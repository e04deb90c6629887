import { ask } from "./ask.js";
import { duration, make, number, percent } from "./dom.js";

/*
 * Times to first token of one question, dense and pruned. Each click adds a run of each, and every second click starts with the other
 * one, so that neither always finds the machine warmed up by the other. A run takes nothing from the prefix cache.
 */

const MODES = ["dense", "pruned"];

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

export class Comparison {
  #question;
  #section;
  #bars = new Map();
  #runs = new Map(MODES.map((mode) => [mode, []]));
  #clicks = 0;

  /** @param section with the classes .bars, .verdict and .both inside */
  constructor(question, section) {
    this.#question = question;
    this.#section = section;
    const bars = section.querySelector(".bars");
    for (const mode of MODES) {
      const fill = make("span", "bar-fill");
      const time = make("span", "bar-time");
      const bar = make("div", `bar ${mode}`, make("span", "bar-name", mode === "dense" ? "Dense" : "Pruned"), make("span", "bar-track", fill), time);
      bars.append(bar);
      this.#bars.set(mode, { bar, fill, time, answer: null });
    }
  }

  /** Runs both. A pair that is aborted or fails counts for nothing. */
  async run(signal) {
    const order = this.#clicks % 2 === 0 ? MODES : [...MODES].reverse();
    this.#section.querySelector(".bars").hidden = false;
    this.#verdict("", "Running …");
    const pair = new Map();
    try {
      for (const mode of order) {
        await this.#runOne(mode, pair, signal);
      }
    } catch (failure) {
      pair.clear();
      throw failure;
    } finally {
      pair.forEach((report, mode) => this.#runs.get(mode).push(report));
      this.#draw(new Map());
    }
    this.#clicks++;
    this.#conclude();
  }

  async #runOne(mode, pair, signal) {
    const bar = this.#bars.get(mode);
    const measured = new Map([...pair].map(([other, report]) => [other, report.ttftMillis]));
    const started = performance.now();
    let answer = "";
    let waiting = true;
    const tick = () => {
      if (waiting) {
        this.#draw(new Map([...measured, [mode, performance.now() - started]]));
        requestAnimationFrame(tick);
      }
    };
    bar.bar.classList.add("running");
    tick();
    try {
      await ask({ question: this.#question, dense: mode === "dense", whole: true }, signal, (event, data) => {
        if (event === "text") {
          waiting = false;
          answer += data.text;
        } else if (event === "finished") {
          pair.set(mode, data.report);
        }
      });
      bar.answer = answer;
    } finally {
      waiting = false;
      bar.bar.classList.remove("running");
    }
  }

  /** Median of what was measured before; null before the first pair. */
  #time(mode) {
    const runs = this.#runs.get(mode);
    return runs.length === 0 ? null : median(runs.map((report) => report.ttftMillis));
  }

  /** @param now milliseconds of a pair that runs, which are shown in place of what was measured before */
  #draw(now) {
    const times = new Map(MODES.map((mode) => [mode, now.get(mode) ?? this.#time(mode)]));
    const longest = Math.max(1, ...times.values());
    for (const [mode, time] of times) {
      const { bar, fill, time: shown } = this.#bars.get(mode);
      shown.textContent = time === null ? "–" : duration(time);
      fill.style.setProperty("--length", String((time ?? 0) / longest));
      bar.dataset.millis = this.#time(mode) ?? "";
    }
  }

  #verdict(result, detail) {
    this.#section.querySelector(".verdict").replaceChildren(...(result === "" ? [] : [make("strong", "", result)]), detail);
  }

  /** The ratio, what it rests on, and both answers. */
  #conclude() {
    const [dense, pruned] = MODES.map((mode) => this.#time(mode));
    const ratio = dense / pruned;
    const runs = this.#runs.get("pruned").length;
    const cached = MODES.flatMap((mode) => this.#runs.get(mode)).reduce((sum, report) => sum + report.cachedTokens, 0);
    this.#verdict(
      ratio >= 1
        ? `First token ${ratio.toFixed(1)} times as soon when pruned`
        : `Pruning did not pay here: ${(1 / ratio).toFixed(1)} times as long`,
      `${runs === 1 ? "One run of each" : `Medians of ${runs} runs of each`}, ${number(cached)} cached tokens.`);
    const answers = MODES.map((mode) => this.#bars.get(mode).answer.trim());
    const both = this.#section.querySelector(".both");
    both.hidden = false;
    both.replaceChildren(...(answers[0] === answers[1]
      ? [make("p", "same", make("strong", "", "Both answers: "), answers[0])]
      : MODES.map((mode, index) => make("p", "", make("strong", "", mode === "dense" ? "Dense: " : "Pruned: "), answers[index]))));
    const last = this.#runs.get("pruned").at(-1);
    both.append(make("p", "note", `${percent(last.flopsSavedShare)} of dense prefill's arithmetic was left out. Times are the server's, from the request to the first token${
      last.queueMillis >= 1 ? `, ${duration(last.queueMillis)} of the last in the queue` : ""}.`));
    this.#section.scrollIntoView({ block: "nearest" });
  }
}
