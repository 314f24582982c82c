// Every page works without this file; it only makes some of them more comfortable.
"use strict";
document.documentElement.classList.replace("no-scripts", "scripts");

// A second click while the first is under way would only wait for it.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
// Back shows the page as it was left: its forms shall work again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());

const faults = document.getElementById("faults");
if (faults) faults.focus();

// The calendar: arrows go from day to day, Home and End within the week's row.
const month = document.querySelector("table.month");
if (month) {
  const days = [...month.querySelectorAll("button")];
  month.addEventListener("keydown", (event) => {
    const at = days.indexOf(document.activeElement);
    const forward = document.dir === "rtl" ? -1 : 1;
    const steps = { ArrowRight: forward, ArrowLeft: -forward, ArrowDown: row(at, 1), ArrowUp: row(at, -1) };
    const to = event.key === "Home" ? 0 : event.key === "End" ? days.length - 1 : at + (steps[event.key] ?? NaN);
    if (at < 0 || !days[to]) return;
    event.preventDefault();
    days[to].focus();
  });
  // How far it is to the free day below or above that is nearest to the same weekday.
  function row(at, by) {
    if (at < 0) return NaN;
    const rows = [...month.tBodies[0].rows];
    const column = days[at].parentElement.cellIndex;
    let target = rows.indexOf(days[at].closest("tr")) + by;
    while (rows[target] && !rows[target].querySelector("button")) target += by;
    if (!rows[target]) return NaN;
    const near = [...rows[target].querySelectorAll("button")].sort((a, b) =>
      Math.abs(a.parentElement.cellIndex - column) - Math.abs(b.parentElement.cellIndex - column));
    return days.indexOf(near[0]) - at;
  }
}

// The reservation: figures for eyes, a sentence now and then for ears.
const hold = document.getElementById("hold");
if (hold) {
  const ends = performance.now() + 1000 * Number(hold.dataset.seconds);
  const left = document.getElementById("left");
  const said = document.getElementById("said");
  let minutes = Math.ceil(hold.dataset.seconds / 60);
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const now = Math.ceil(seconds / 60);
    if (now < minutes && (now === 5 || now === 2)) said.textContent = said.dataset.left.replace("{}", now);
    if (now < minutes && now === 1) said.textContent = said.dataset.soon;
    minutes = now;
    if (seconds > 0) return;
    clearInterval(timer);
    hold.hidden = true;
    document.getElementById("over").hidden = false;
    for (const id of ["book", "extend"]) document.getElementById(id)?.remove();
  };
  const timer = setInterval(tick, 1000);
  tick();
}

// The proof of work (ALTCHA, version 2): find the counter on whose key begins with the prefix.
const proof = document.getElementById("proof");
if (proof && window.crypto && crypto.subtle) solve(proof);

async function solve(form) {
  const answer = await fetch("/v1/proof");
  if (!answer.ok) return;
  const challenge = await answer.json();
  const wanted = challenge.parameters;
  const nonce = bytes(wanted.nonce);
  const salt = bytes(wanted.salt);
  for (let counter = 0; ; counter++) {
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: wanted.cost };
    const derived = hex(new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * wanted.keyLength)));
    if (!derived.startsWith(wanted.keyPrefix)) continue;
    const solution = { counter, derivedKey: derived };
    form.elements.proof.value = btoa(JSON.stringify({ challenge, solution }));
    form.requestSubmit();
    return;
  }
}

function bytes(text) {
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

function hex(array) {
  return [...array].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
