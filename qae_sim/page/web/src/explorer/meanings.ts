// Words that the glossary explains: a link to it, and a box with the meaning for whoever points at the link, comes to it by
// keys, or taps it once; a second tap, a click or Enter follows the link. Escape closes the box.

const NEAR = 6;
/** How long a pointer may take from the word to its box. */
const GRACE = 250;

export function meanings(page: Document): void {
  let open: { link: HTMLElement; box: HTMLElement } | null = null;
  let leaving: ReturnType<typeof setTimeout> | undefined;
  const hide = (): void => {
    clearTimeout(leaving);
    open?.box.hidePopover();
    open = null;
  };
  const show = (link: HTMLElement, box: HTMLElement): void => {
    clearTimeout(leaving);
    if (open?.link === link) return;
    hide();
    open = { link, box };
    box.showPopover();
    place(link, box);
  };
  const leave = (): void => { leaving = setTimeout(hide, GRACE); };
  page.querySelectorAll<HTMLAnchorElement>("a.term").forEach((link) => {
    const box = page.getElementById(link.getAttribute("aria-describedby")!)!;
    let tapped = false;
    link.addEventListener("pointerdown", (event) => { tapped = event.pointerType === "touch" && open?.link !== link; });
    link.addEventListener("click", (event) => {
      if (!tapped) return;
      event.preventDefault();
      tapped = false;
      show(link, box);
    });
    for (const name of ["mouseenter", "focus"]) link.addEventListener(name, () => { show(link, box); });
    link.addEventListener("blur", hide);
    for (const part of [link, box]) part.addEventListener("mouseleave", leave);
    box.addEventListener("mouseenter", () => { clearTimeout(leaving); });
  });
  page.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  page.addEventListener("pointerdown", (event) => {
    if (open && !open.link.contains(event.target as Node) && !open.box.contains(event.target as Node)) hide();
  });
  // The box goes with its word; whoever comes to a word by keys makes the page scroll.
  page.addEventListener("scroll", () => { if (open) place(open.link, open.box); }, { passive: true });
}

/** Below the word, or above it where there is no room, and within the window. */
function place(link: HTMLElement, box: HTMLElement): void {
  const [word, { width, height }] = [link.getClientRects()[0]!, box.getBoundingClientRect()];
  const below = word.bottom + NEAR;
  box.style.left = `${Math.max(8, Math.min(word.left, document.documentElement.clientWidth - width - 8))}px`;
  box.style.top = `${below + height <= window.innerHeight ? below : Math.max(8, word.top - NEAR - height)}px`;
}
