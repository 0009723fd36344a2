import { type JSX, hydrate } from "preact";
import { useEffect, useState } from "preact/hooks";
import { App } from "./app.tsx";
import { FIRST, type State, address, parsed } from "./state.ts";

/** The page and its address: what the reader sets goes there, and what is there is shown. */
function Page(): JSX.Element {
  // The first drawing is the one that the page came with; the address is read right after it.
  const [state, setState] = useState<State>(FIRST);
  useEffect(() => {
    const read = (): void => { setState(parsed(location.hash)); };
    read();
    addEventListener("hashchange", read);
    return () => { removeEventListener("hashchange", read); };
  }, []);
  const set = (change: Partial<State>): void => { setState((before) => ({ ...before, ...change })); };
  const text = address(state);
  const [loaded, setLoaded] = useState(false);
  useEffect(() => {
    if (!loaded) { setLoaded(true); return; } // an address that waits to be read is not overwritten
    const waiting = setTimeout(() => {
      if (text !== address(parsed(location.hash))) history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    }, 120);
    return () => { clearTimeout(waiting); };
  }, [text, loaded]);
  return <App state={state} set={set} site={document.documentElement.dataset["place"] === "site"} />;
}

document.documentElement.classList.add("live");
hydrate(<Page />, document.getElementById("page")!);
