// Refreshes the figures of the start page from /v1/overview; without scripts the page shows the moment it was made.
"use strict";
const set = (id, text) => {
  const element = document.getElementById(id);
  if (element && element.textContent !== text) element.textContent = text;
};
const setCell = (row, selector, text) => {
  const cell = row.querySelector(selector);
  if (cell && text !== null && cell.textContent !== text) {
    cell.textContent = text;
    cell.classList.remove("fresh");
    void cell.offsetWidth;
    cell.classList.add("fresh");
  }
};
async function refresh() {
  const answer = await fetch("/v1/overview", { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const now = await answer.json();
  set("appended", now.appended);
  set("values", now.values);
  set("certificates", now.certificate_count);
  if (now.head) {
    set("sealed", now.head.size);
    set("root", now.head.root);
  }
  if (now.anchors.length > 0) set("anchored", now.anchors[0].size);
  for (const meter of now.meters) {
    const row = document.querySelector(`tr[data-meter="${CSS.escape(meter.id)}"]`);
    if (!row) continue;
    setCell(row, ".time", meter.time);
    setCell(row, ".readings", meter.readings);
    setCell(row, ".register", meter.register);
  }
}
setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, 2000);
