// Slides for a class: reveal.js with the speaker's window, without scaling, so that what is dragged stays under the pointer.

import Reveal from "reveal.js";
import Notes from "reveal.js/plugin/notes/notes.esm.js";
import layout from "reveal.js/dist/reveal.css";

const style = document.createElement("style");
style.textContent = layout;
document.head.prepend(style);

const deck = new Reveal(document.querySelector<HTMLElement>(".reveal")!, {
  width: "100%",
  height: "100%",
  margin: 0,
  minScale: 1,
  maxScale: 1,
  center: false,
  hash: true,
  transition: "none",
  slideNumber: "c/t",
  // Arrow keys belong to what is dragged while it has the focus.
  keyboardCondition: () => !document.activeElement?.closest('[role="slider"]'),
  plugins: [Notes],
});

/** Questions and scenes grow as a whole, with what is written in their pictures, as far as the slide has room. */
function fit(): void {
  const room = window.innerHeight * 0.86; // what moves may need another line
  deck.getCurrentSlide().querySelectorAll<HTMLElement>(".seen :is(.qae-quiz, .qae-derive)").forEach((box) => {
    let zoom = Math.max(1, window.innerWidth / 1040);
    do {
      box.style.setProperty("zoom", zoom.toFixed(2));
      zoom -= 0.05;
    } while (box.getBoundingClientRect().bottom > room && zoom > 0.6);
  });
}

void deck.initialize().then(fit);
deck.on("slidechanged", fit);
deck.on("resize", fit);
