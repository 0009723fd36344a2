// A question whose answer is locked before it is revealed. Works without a kernel.

export function quiz(root, spec) {
  const make = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  };
  root.classList.add("qae-quiz");
  const group = `quiz-${Math.random().toString(36).slice(2)}`;
  const boxes = spec.options.map((_, i) => make("input", { type: "radio", name: group, value: String(i),
    "data-lm-suppress-shortcuts": "true" }));
  const lock = make("button", { type: "button", disabled: "" }, "Lock my answer");
  const reveal = make("div", { role: "status", "aria-live": "polite" });
  boxes.forEach((box) => box.addEventListener("change", () => { lock.disabled = false; }));
  lock.addEventListener("click", () => {
    const chosen = boxes.findIndex((box) => box.checked);
    boxes.forEach((box) => { box.disabled = true; });
    lock.disabled = true;
    const right = chosen === spec.answer;
    const verdict = right ? "Yes." : `Not quite: it is "${spec.options[spec.answer]}".`;
    reveal.replaceChildren(make("p", { class: right ? "qae-right" : "qae-not" }, `${verdict} ${spec.why[chosen]}`));
  });
  root.replaceChildren(make("fieldset", {}, make("legend", {}, spec.question),
    ...boxes.map((box, i) => make("label", {}, box, ` ${spec.options[i]}`)), lock, reveal));
}

export default {
  render({ model, el }) {
    quiz(el, model.get("spec"));
  },
};
