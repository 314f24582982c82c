// Comfort for staff: the list renews itself, forms stay on the page, keys press buttons. Without it everything works.
"use strict";
(() => {
  const live = () => document.getElementById("live");
  const source = { events: null };

  const parse = (text) => new DOMParser().parseFromString(text, "text/html");

  // Puts the parts of `fresh` in place and keeps where the reader is.
  const take = (fresh, { said }) => {
    const focused = document.activeElement;
    const row = focused?.closest("[id]")?.id;
    const key = focused?.dataset?.key;
    const open = document.getElementById("over")?.open;
    for (const id of said ? ["live", "message", "fault"] : ["live"]) {
      const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
      if (old && now && old.innerHTML !== now.innerHTML) old.innerHTML = now.innerHTML;
    }
    const over = document.getElementById("over");
    if (over && open) over.open = true;
    const again = row && row !== "live" ? document.getElementById(row) : null;
    if (again && !document.body.contains(focused)) {
      (key ? again.querySelector(`[data-key="${key}"]`) ?? again : again).focus();
    }
    ring();
  };

  const renew = async () => {
    // Not while somebody chooses in a list of the page.
    if (document.activeElement?.tagName === "SELECT" && live()?.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected && answer.url.includes("/staff/sign-in")) location.reload();
    else if (answer.ok) take(parse(await answer.text()), { said: false });
  };

  const listen = () => {
    const path = live()?.dataset.events;
    if (!path || !window.EventSource) return;
    source.events = new EventSource(path);
    source.events.addEventListener("changed", () => renew().catch(() => {}));
  };

  const send = async (form, button) => {
    const body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(button?.getAttribute("formaction") ?? form.action, { method: "POST", body });
    const fresh = parse(await answer.text());
    if (!fresh.getElementById("live")) { location.reload(); return; }
    take(fresh, { said: true });
  };

  let busy = null;
  let keys = Promise.resolve();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-live]")) return;
    event.preventDefault();
    busy = send(form, event.submitter).catch(() => location.reload()).finally(() => { busy = null; });
  });

  // Keys count only while a row of the list has the focus, so that no word typed elsewhere does anything.
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest?.("tr.row");
    if (!row || event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    const rows = [...document.querySelectorAll("tr.row[tabindex]")].filter((one) => one.offsetParent !== null);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(row) + step))]?.focus();
      return;
    }
    if (!/^[a-z]$/i.test(event.key)) return;
    const press = () => {
      const there = document.getElementById(row.id);
      const button = there?.querySelector(`button[data-key="${event.key.toUpperCase()}"]`);
      if (!button) return null;
      there.focus();
      button.click();
      return busy;
    };
    event.preventDefault();
    // Whoever types faster than the list answers loses no key: one after the other.
    keys = keys.then(press, press);
  });

  // Free times follow what is typed, so that one Enter books.
  const callers = document.getElementById("callers");
  let typing = 0;
  let asked = 0;
  const times = async () => {
    const form = new FormData(callers);
    for (const name of ["shown_for", "another_person"]) form.delete(name);
    if (!form.get("family_name") || !form.get("municipality")) return;
    const turn = ++asked;
    const answer = await fetch(callers.action, { method: "POST", body: new URLSearchParams(form) });
    const fresh = parse(await answer.text()).getElementById("times");
    // An answer that a later question has overtaken says nothing any more.
    if (turn === asked && fresh?.querySelector("[name=shown_for]")) document.getElementById("times").innerHTML = fresh.innerHTML;
  };
  callers?.addEventListener("input", (event) => {
    if (!event.target.matches("[data-times], #municipality")) return;
    clearTimeout(typing);
    typing = setTimeout(() => times().catch(() => {}), 250);
  });

  // The room's display: a tone for each new call, once somebody has allowed it.
  let heard = null;
  let audio = null;
  const calls = () => [...document.querySelectorAll("[data-call]")].map((one) => one.dataset.call);
  const ring = () => {
    if (!document.body.classList.contains("calling")) return;
    const now = calls();
    if (audio && heard && now.some((one) => !heard.includes(one))) chime();
    heard = now;
  };
  const chime = () => {
    const [tone, gain] = [audio.createOscillator(), audio.createGain()];
    tone.connect(gain).connect(audio.destination);
    tone.frequency.setValueAtTime(660, audio.currentTime);
    tone.frequency.setValueAtTime(880, audio.currentTime + 0.25);
    gain.gain.setValueAtTime(0.25, audio.currentTime);
    gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.9);
    tone.start();
    tone.stop(audio.currentTime + 0.9);
  };
  document.getElementById("tone")?.addEventListener("click", (event) => {
    const on = !audio;
    if (on) audio = new AudioContext(); else { audio.close(); audio = null; }
    event.target.setAttribute("aria-pressed", String(on));
    event.target.textContent = on ? "Ton ausschalten" : "Ton einschalten";
    if (on) chime();
  });

  for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

  // A tablet at the door goes back to its first page, so that nobody reads the code of the one before.
  const again = document.getElementById("again");
  if (again && document.body.classList.contains("door")) setTimeout(() => { location.href = again.href; }, 30000);

  ring();
  listen();
})();
