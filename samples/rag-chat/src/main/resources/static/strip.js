import { clone, count, make, number, percent } from "./dom.js";

/*
 * The prompt as a strip: a cell a block, filled from its top as far as the block went through the layers and coloured by the stage that
 * dropped it. Arrow keys move between blocks, hover or focus shows a block's text, Escape closes it.
 */

const NARROW = 560;

const ROLES = { SINK: "in the sink: the first tokens always stay", WINDOW: "in the window: the last tokens score the others and always stay" };

/** Stages by the last layer that computed a block, first dropped first. */
function groups(prompt) {
  const byLayer = new Map();
  prompt.blocks.forEach((block, index) => {
    const group = byLayer.get(block.lastLayer) ?? { lastLayer: block.lastLayer, blocks: [], tokens: 0 };
    group.blocks.push(index);
    group.tokens += block.tokens;
    byLayer.set(block.lastLayer, group);
  });
  return [...byLayer.values()].sort((a, b) => a.lastLayer - b.lastLayer);
}

const isKept = (prompt, lastLayer) => lastLayer === prompt.layers - 1;

const fate = (prompt, lastLayer) => (isKept(prompt, lastLayer) ? "kept to the end" : `dropped at layer ${lastLayer}`);

/** How a cell of a stage looks: how far it is filled, and its colour; stages between the first dropped and the kept lie between theirs. */
function paint(cell, prompt, lastLayer, rank, ranks) {
  const between = Math.round((55 * (rank - 1)) / Math.max(1, ranks - 3));
  const colour = isKept(prompt, lastLayer) ? "var(--kept)"
    : rank === 0 ? "var(--dropped)"
    : `color-mix(in oklab, var(--kept) ${between}%, var(--middle))`;
  cell.style.setProperty("--filled", String((lastLayer + 1) / prompt.layers));
  cell.style.setProperty("--colour", colour);
}

/**
 * Draws a strip into a section.
 *
 * @param prompt  {layers, blocks: [{firstToken, tokens, role, lastLayer, text}], passages: [{first, last} or null]}
 * @param sources whose passages these are
 * @return {highlight(passage or null)}
 */
export function drawStrip(section, prompt, sources) {
  section.replaceChildren(clone("strip-template"));
  const find = (selector) => section.querySelector(selector);
  const stages = groups(prompt);
  const tokens = prompt.blocks.reduce((sum, block) => sum + block.tokens, 0);

  find(".strip-title").textContent = `The prompt, ${count(prompt.blocks.length, "block", "blocks")} of ${prompt.blocks[0].tokens} tokens`;
  find(".strip-sentence").textContent = stages.length === 1
    ? `Dense: all ${number(tokens)} tokens passed all ${prompt.layers} layers.`
    : `Each cell is a block, filled as far as it went through the model's ${prompt.layers} layers.`;

  const cells = prompt.blocks.map((block, index) => {
    const cell = make("div", "cell");
    cell.setAttribute("role", "option");
    cell.setAttribute("aria-selected", "false");
    cell.setAttribute("aria-label", label(prompt, index));
    cell.tabIndex = index === 0 ? 0 : -1;
    cell.dataset.index = index;
    cell.dataset.lastLayer = block.lastLayer;
    if (block.role !== "CANDIDATE") {
      cell.classList.add("protected");
    }
    paint(cell, prompt, block.lastLayer, stages.findIndex((stage) => stage.lastLayer === block.lastLayer), stages.length);
    return cell;
  });
  const list = find(".cells");
  list.setAttribute("aria-label", "Blocks of the prompt");
  list.classList.toggle("many", cells.length > 400);
  list.append(...cells);

  find(".legend").append(
    ...stages.map((stage, rank) => {
      const swatch = make("span", "swatch");
      swatch.setAttribute("aria-hidden", "true");
      paint(swatch, prompt, stage.lastLayer, rank, stages.length);
      const item = make("li", "", swatch,
        make("span", "legend-name", capital(fate(prompt, stage.lastLayer))),
        make("span", "legend-count", `${count(stage.blocks.length, "block", "blocks")}, ${percent(stage.tokens / tokens)} of tokens`));
      item.dataset.lastLayer = stage.lastLayer;
      item.dataset.blocks = stage.blocks.length;
      return item;
    }),
    make("li", "", make("span", "swatch protected"), make("span", "legend-name", "Sink and window"), make("span", "legend-count", "always stay")));
  section.querySelector(".legend li:last-child .swatch").setAttribute("aria-hidden", "true");

  const popover = new Popover(section, prompt, sources, cells);
  navigate(list, cells, popover);
  return {
    highlight(passage) {
      const range = passage === null ? null : prompt.passages[passage];
      cells.forEach((cell, index) => cell.classList.toggle("lit", range !== null && index >= range.first && index <= range.last));
      list.classList.toggle("searching", range !== null);
    },
  };
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function range(block) {
  return `tokens ${number(block.firstToken)} to ${number(block.firstToken + block.tokens - 1)}`;
}

function label(prompt, index) {
  const block = prompt.blocks[index];
  return `Block ${index}, ${range(block)}, ${fate(prompt, block.lastLayer)}`;
}

/** Shows one block at a time beside its cell. */
class Popover {
  #section;
  #element;
  #prompt;
  #sources;
  #cells;
  #shown = null;

  constructor(section, prompt, sources, cells) {
    this.#section = section;
    this.#element = section.querySelector(".popover");
    this.#element.tabIndex = -1;
    this.#element.id = `popover-${Math.random().toString(36).slice(2)}`;
    this.#prompt = prompt;
    this.#sources = sources;
    this.#cells = cells;
  }

  get element() {
    return this.#element;
  }

  /** Index of the block that is shown, or null. */
  get shown() {
    return this.#shown;
  }

  show(index) {
    this.close();
    const block = this.#prompt.blocks[index];
    const cell = this.#cells[index];
    const files = new Set(this.#prompt.passages.flatMap((passage, i) =>
      passage !== null && index >= passage.first && index <= passage.last ? [this.#sources[i].file] : []));
    const part = (name) => this.#element.querySelector(`.popover-${name}`);
    part("head").textContent = `Block ${index}, ${range(block)}`;
    part("fate").textContent = [capital(fate(this.#prompt, block.lastLayer)), ROLES[block.role], [...files].join(", ")]
      .filter(Boolean).join(" · ");
    part("text").textContent = block.text;
    cell.classList.add("shown");
    cell.setAttribute("aria-selected", "true");
    cell.setAttribute("aria-describedby", this.#element.id);
    this.#element.hidden = false;
    this.#place(cell);
    this.#shown = index;
  }

  /** Below the cell's row; on a narrow page, where that would hide all other rows from a finger, below all of them. */
  #place(cell) {
    const frame = this.#section.getBoundingClientRect();
    const at = cell.getBoundingClientRect();
    const middle = at.left + at.width / 2 - frame.left;
    const left = Math.max(0, Math.min(middle - this.#element.offsetWidth / 2, frame.width - this.#element.offsetWidth));
    this.#element.style.setProperty("left", `${left}px`);
    const bottom = frame.width < NARROW ? cell.parentElement.getBoundingClientRect().bottom : at.bottom;
    this.#element.style.setProperty("top", `${bottom - frame.top + 8}px`);
    this.#element.style.setProperty("--tip", `${middle - left}px`);
  }

  close() {
    if (this.#shown === null) {
      return;
    }
    const cell = this.#cells[this.#shown];
    cell.classList.remove("shown");
    cell.setAttribute("aria-selected", "false");
    cell.removeAttribute("aria-describedby");
    this.#element.hidden = true;
    this.#shown = null;
  }
}

/** One cell is in the tab order; arrows, Home and End move to others. */
function navigate(list, cells, popover) {
  const indexOf = (target) => (target instanceof Element && target.classList.contains("cell") ? Number(target.dataset.index) : null);
  const columns = () => {
    const top = cells[0].offsetTop;
    const second = cells.findIndex((cell) => cell.offsetTop > top);
    return second < 0 ? cells.length : second;
  };
  const focus = (index) => {
    const bounded = Math.max(0, Math.min(index, cells.length - 1));
    list.querySelector(".cell[tabindex='0']").tabIndex = -1;
    cells[bounded].tabIndex = 0;
    cells[bounded].focus();
  };
  const moves = {
    ArrowRight: (index) => index + 1,
    ArrowLeft: (index) => index - 1,
    ArrowDown: (index) => Math.min(index + columns(), cells.length - 1),
    ArrowUp: (index) => (index < columns() ? index : index - columns()),
    Home: () => 0,
    End: () => cells.length - 1,
  };
  list.addEventListener("keydown", (event) => {
    const index = indexOf(event.target);
    if (index === null || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key in moves) {
      event.preventDefault();
      focus(moves[event.key](index));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      popover.show(index);
    }
  });
  const belongs = (target) => target instanceof Node && (list.contains(target) || popover.element.contains(target));
  list.addEventListener("focusin", (event) => popover.show(indexOf(event.target)));
  // Not pointerover: the page may scroll under a pointer that rests, and that is no wish to see another block.
  list.addEventListener("pointermove", (event) => {
    const index = indexOf(event.target);
    if (index !== null && index !== popover.shown && event.pointerType !== "touch") {
      popover.show(index);
    }
  });
  list.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    if (index !== null) {
      focus(index);
      popover.show(index);
    }
  });
  // Pointer and focus may pass on to the popover, to read or select its text, without it closing.
  for (const part of [list, popover.element]) {
    part.addEventListener("focusout", (event) => {
      if (!belongs(event.relatedTarget)) {
        popover.close();
      }
    });
    part.addEventListener("pointerleave", (event) => {
      if (!belongs(event.relatedTarget) && !belongs(document.activeElement)) {
        popover.close();
      }
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && popover.shown !== null) {
      popover.close();
      event.stopImmediatePropagation();
    }
  }, { capture: true });
}
