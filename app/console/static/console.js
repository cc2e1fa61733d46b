// What a page does beyond its links and forms: copy, "/" for the find box, and no refresh while a person is busy in it.
// Everything works without this file.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const text = source ? ("value" in source ? source.value : source.innerText) : location.href;
  await navigator.clipboard.writeText(text);
  button.textContent = "Copied";
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("find").focus();
});

// Copying needs this script and a secure context: elsewhere the buttons would do nothing.
if (navigator.clipboard) document.documentElement.classList.add("copies");

// A refresh replaces the page's content: it waits while a control there has the focus or text is selected.
document.addEventListener("htmx:before:request", (event) => {
  const live = document.getElementById("live");
  const element = event.target;
  if (element !== live) return;
  const here = [live, document.getElementById("as-of")].some((part) => part.contains(document.activeElement));
  const busy = here || !document.getSelection().isCollapsed;
  if (busy || live.querySelector("details[open]")) event.preventDefault();
});

// An answer that is no such page (the store is away, the session has ended) does not take the page's place.
const stale = (isStale) => {
  const line = document.getElementById("stale");
  if (line) line.hidden = !isStale;
};

document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement, text } = event.detail.ctx;
  if (sourceElement.id !== "live") return;
  const isPage = text.includes('id="live"');
  stale(!isPage);
  if (!isPage) event.preventDefault();
});

document.addEventListener("htmx:error", () => stale(true));
