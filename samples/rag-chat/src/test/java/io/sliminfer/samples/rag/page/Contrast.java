package io.sliminfer.samples.rag.page;

import java.util.List;

/** Contrast of all text that is shown, as WCAG 2.2 computes it (success criterion 1.4.3). */
final class Contrast {

    // A canvas knows every notation that a computed colour can have.
    private static final String SCRIPT =
            """
            const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
            const rgba = (color) => {
              context.clearRect(0, 0, 1, 1);
              context.fillStyle = color;
              context.fillRect(0, 0, 1, 1);
              return [...context.getImageData(0, 0, 1, 1).data];
            };
            const luminance = ([r, g, b]) => {
              const linear = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
              return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
            };
            const background = (element) => {
              for (let at = element; at !== null; at = at.parentElement) {
                const color = rgba(getComputedStyle(at).backgroundColor);
                if (color[3] === 255) return color;
              }
              return [255, 255, 255, 255];
            };
            const low = [];
            let checked = 0;
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) {
              const element = texts.currentNode.parentElement;
              if (texts.currentNode.data.trim() === "" || element.closest("template, script") !== null || !element.checkVisibility()) continue;
              const style = getComputedStyle(element);
              const [a, b] = [rgba(style.color), background(element)].map(luminance).sort((x, y) => y - x);
              const size = parseFloat(style.fontSize);
              const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
              const ratio = (a + 0.05) / (b + 0.05);
              checked++;
              if (ratio < (large ? 3 : 4.5)) low.push(`${ratio.toFixed(2)}: ${texts.currentNode.data.trim().slice(0, 60)}`);
            }
            if (checked < 10) low.push(`only ${checked} texts were found`);
            return low;
            """;

    private Contrast() {}

    /** Texts whose contrast with their background is too low, with the ratio. */
    @SuppressWarnings("unchecked")
    static List<String> tooLow(Browser browser) {
        return (List<String>) browser.script(SCRIPT);
    }
}
