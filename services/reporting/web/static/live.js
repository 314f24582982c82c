// Keeps the day up to date, and says so while the next page loads. Without it the page is the same, as of its loading.
"use strict";

const today = document.querySelector("[data-stream]");
const state = today.querySelector(".state");
const clock = () => new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
let last = "";

const stream = new EventSource(today.dataset.stream);
stream.onmessage = (event) => {
  last = clock();
  for (const [name, text] of Object.entries(JSON.parse(event.data))) {
    const place = today.querySelector(`[data-live="${name}"]`);
    if (place.textContent !== text) place.textContent = text;
  }
  tell(state.dataset.on);
};
stream.onerror = () => {
  if (last) tell(`${state.dataset.lost} ${last}`);
};
addEventListener("pagehide", () => stream.close());

function tell(text) {
  if (state.textContent !== text) state.textContent = text;
}

for (const day of document.querySelectorAll(".filters [type=date]")) {
  day.addEventListener("change", () => (document.querySelector("#period").value = "own"));
}
document.querySelector(".filters").addEventListener("submit", () => {
  document.querySelector("main").setAttribute("aria-busy", "true");
  document.querySelector(".range").textContent = document.body.dataset.loading;
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
