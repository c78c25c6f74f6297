// Shows what the box says for as long as the box says, and nothing when it is silent.
"use strict";

const SILENT_MS = 16000; // three beats of the box and a little
const LONG = 14; // characters from which on the headline is set smaller
const feed_address = location.pathname.replace(/\/$/, "") + "/feed";
const part = (id) => document.getElementById(id);
let feed = null;
let blank_timer = 0;
let silent_timer = 0;
let shown = "";

function set_lines(place, lines) {
  place.replaceChildren(...lines.map(([language, text]) => {
    const line = document.createElement("p");
    line.lang = language;
    line.textContent = text;
    return line;
  }));
}

function blank() {
  clearTimeout(blank_timer);
  shown = "";
  document.body.className = "blank";
  document.body.removeAttribute("data-decided-at");
}

function count_down(left_s) {
  const bar = part("left");
  bar.getAnimations().forEach((one) => one.cancel());
  bar.animate([{ transform: "scaleX(1)" }, { transform: "scaleX(0)" }], { duration: left_s * 1000 });
}

function show(says) {
  const { left_s, ...content } = says;
  const key = JSON.stringify(content);
  if (key === shown) return; // a beat: it is on the screen already
  shown = key;
  set_lines(part("headline"), says.headline);
  set_lines(part("detail"), says.detail);
  const longest = Math.max(0, ...says.headline.map(([language, text]) => language.startsWith("zh") ? text.length : text.length / 2));
  document.querySelector(".words").classList.toggle("long", longest > LONG);
  const code = part("qr");
  code.hidden = says.qr === null;
  if (says.qr !== null) code.src = says.qr;
  document.body.className = "";
  document.body.dataset.decidedAt = says.decided_at;
  clearTimeout(blank_timer);
  blank_timer = setTimeout(blank, left_s * 1000); // also when the line is cut meanwhile
  count_down(left_s);
}

function listen() {
  if (feed !== null) feed.close();
  feed = new EventSource(feed_address);
  feed.onmessage = (message) => {
    clearTimeout(silent_timer);
    silent_timer = setTimeout(listen, SILENT_MS); // a half-open connection tells nobody that it is dead
    const { says } = JSON.parse(message.data);
    if (says === null) blank(); else show(says);
  };
  feed.onerror = () => {
    if (feed.readyState === EventSource.CLOSED) setTimeout(listen, 3000); // refused; try again for ever
  };
}

async function stay_awake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch { /* a browser that does not let us: the display's own settings decide */ }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) stay_awake(); });
stay_awake();
silent_timer = setTimeout(listen, SILENT_MS);
listen();
