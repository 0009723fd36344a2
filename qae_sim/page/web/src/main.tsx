import { type JSX, hydrate } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { App } from "./app.tsx";
import { FIRST, SCENES, type State, address, parsed } from "./state.ts";

const sceneOf = (name: string): HTMLElement => document.getElementById(`scene-${name}`)!;

/** The page and its address: what the reader sets goes there, and what is there is shown. */
function Page(): JSX.Element {
  // The first drawing is the one that the page came with; the address is read right after it.
  const [state, setState] = useState<State>(FIRST);
  const [loaded, setLoaded] = useState(false);
  const set = useCallback((change: Partial<State>): void => { setState((before) => ({ ...before, ...change })); }, []);
  useEffect(() => {
    const read = (): void => {
      const found = parsed(location.hash);
      setState(found);
      if (new URLSearchParams(location.hash.slice(1)).has("at")) sceneOf(found.at).scrollIntoView({ behavior: "instant" });
    };
    read();
    addEventListener("hashchange", read);
    // The scene that crosses the middle of the window is the one that is read.
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) set({ at: entry.target.id.replace("scene-", "") });
    }, { rootMargin: "-49% 0px -49% 0px" });
    for (const name of SCENES) watcher.observe(sceneOf(name));
    setLoaded(true);
    return () => { removeEventListener("hashchange", read); watcher.disconnect(); };
  }, []);
  const text = address(state);
  useEffect(() => {
    if (!loaded) return; // an address that waits to be read is not overwritten
    const waiting = setTimeout(() => {
      if (text !== address(parsed(location.hash))) history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    }, 120);
    return () => { clearTimeout(waiting); };
  }, [text, loaded]);
  return <App state={state} set={set} site={document.documentElement.dataset["place"] === "site"} />;
}

document.documentElement.classList.add("live");
hydrate(<Page />, document.getElementById("page")!);
