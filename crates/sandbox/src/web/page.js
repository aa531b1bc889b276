"use strict";
const $ = (id) => document.getElementById(id);
const kind = (status) => status >= 500 || status === 0 ? "bad" : status >= 400 ? "warn" : "good";
const cell = (row, text, name) => { const one = row.insertCell(); one.textContent = text; if (name) one.className = name; return one; };
let last = 0, plan = { rules: [] };

// Every page has a function showState of its own.
function showRequests(list) {
  for (const one of list) {
    last = one.number;
    const row = $("requests").insertRow(0);
    row.tabIndex = 0;
    cell(row, one.method); cell(row, one.path, "path");
    cell(row, one.status || "broken", "number " + kind(one.status)); cell(row, one.ms, "number");
    const open = () => { $("body").hidden = false; $("body").textContent = pretty(one.body) || "The request had no body."; };
    row.onclick = open;
    row.onkeydown = (event) => { if (event.key === "Enter") open(); };
  }
  while ($("requests").rows.length > 200) $("requests").deleteRow(-1);
}
function pretty(text) { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } }
function listen() {
  const source = new EventSource("/sandbox/events");
  source.onmessage = (event) => {
    const news = JSON.parse(event.data);
    showState(news.state);
    showRequests(news.requests.filter((one) => one.number > last));
    $("lost").style.display = "none";
  };
  // The browser tries again by itself.
  source.onerror = () => { $("lost").style.display = "inline"; };
}
// The same once, for a page that is to be printed or saved: a stream never ends.
async function look() {
  showState(await (await fetch("/sandbox/state")).json());
  showRequests(await (await fetch("/sandbox/requests?after=0")).json());
}
async function arm(next) {
  await fetch("/sandbox/faults", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(next) });
  showState(await (await fetch("/sandbox/state")).json());
}
// What a form says of a fault, but for the action.
function rule(form, action) {
  const match = { every: Number(form.get("every")) };
  if (form.get("method")) match.method = form.get("method");
  if (form.get("path")) match.path = form.get("path");
  return { match, action, delay_ms: Number(form.get("delay")) };
}
function showFaults(state) {
  plan = state.faults;
  $("armed").textContent = plan.rules.length;
  $("plan").textContent = plan.rules.length ? JSON.stringify(plan, null, 2) : "No fault is armed.";
}
$("disarm").onclick = () => arm({ rules: [] });
function begin() { if (location.hash === "#still") look(); else listen(); }
