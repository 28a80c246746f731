// The report is whole without this. It adds: the pages of cases that are packed, links that open their case in browsers
// that leave it shut, search and filters, one button to open and shut what is shown, and a print with every page open.
"use strict";
{
  const cases = [...document.querySelectorAll("details.case")];
  const chunks = [...document.querySelectorAll(".chunk")];
  const packs = [...document.querySelectorAll("script.pack")];
  const { facets, alike, rows } = JSON.parse(document.getElementById("facets").textContent);
  const form = document.querySelector("form.find");
  const count = (number) => number.toLocaleString("en");
  let printing = false;

  // Packed pages: many together, deflated. What is text in them was escaped when they were written, as everywhere.
  const unpacked = new Map();
  const unpack = async (pack) => {
    if (!unpacked.has(pack)) {
      const bytes = Uint8Array.from(atob(pack.textContent), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
      unpacked.set(pack, (await new Response(stream).text()).split("\x1e"));
    }
    return unpacked.get(pack);
  };
  const fill = async (item) => {
    if (printing) return;
    const number = cases.indexOf(item);
    const pack = packs.findLast((one) => Number(one.dataset.first) <= number);
    const line = item.querySelector("summary + p");
    if (!line || !pack) return;
    const pages = await unpack(pack).catch(() => []); // a browser that cannot: its lines have the figures
    const page = pages[number - Number(pack.dataset.first)];
    if (page === undefined || !line.isConnected) return;
    const body = document.createElement("div");
    body.id = line.id;
    body.innerHTML = page;
    line.replaceWith(body);
  };
  const toggled = (event) => {
    if (!event.target.matches("details.case")) return;
    if (printing) return;
    if (event.target.open) fill(event.target);
    label();
  };
  document.addEventListener("toggle", toggled, true);

  // A link to a case opens it, and shows it where a search hides it.
  const reveal = async () => {
    if (form && location.hash.startsWith(FIND)) return asked();
    const name = location.hash.slice(1);
    const holder = document.getElementById(name)?.closest("details");
    if (!holder) return;
    if (holder.hidden) clear();
    for (let outer = holder; outer; outer = outer.parentElement.closest("details")) outer.open = true;
    await fill(holder);
    document.getElementById(name).scrollIntoView();
  };

  // Search: each word has to be in the line of a case or in the values of its axes. A filter asks for one value.
  const FIND = "#find?";
  const search = form?.querySelector("input");
  const told = form?.querySelector("output");
  const button = form?.querySelector("button");
  const selects = form ? facets.map(([, name, values]) => filter(name, values)) : [];
  const texts = [];
  const text = (number) => {
    const values = () => facets.map(([, , words], facet) => words[rows[number][facet]]).join(" ");
    return (texts[number] ??= `${cases[number].firstElementChild.textContent} ${values()}`.toLowerCase());
  };
  function filter(name, values) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", name);
    select.append(new Option(`any ${name}`, ""), ...values.map((value, number) => new Option(value, number)));
    select.addEventListener("change", () => update());
    form.insertBefore(select, button);
    return select;
  }
  // ``none``: an address asks for a value that no case has.
  function update(none = false) {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.map((select, facet) => [facet, select.value]).filter(([, value]) => value !== "");
    let shown = 0;
    let number = 0;
    for (const chunk of chunks) {
      const before = shown;
      for (const item of chunk.children) {
        const row = rows[number];
        const hit =
          !none &&
          chosen.every(([facet, value]) => row[facet] === Number(value)) && wanted.every((word) => text(number).includes(word));
        if (item.hidden === hit) item.hidden = !hit;
        shown += hit;
        number += 1;
      }
      chunk.hidden = shown === before;
    }
    const narrowed = none || wanted.length + chosen.length > 0;
    told.value = narrowed ? `${count(shown)} of ${count(number)} cases` : `${count(number)} cases`;
    const query = new URLSearchParams(search.value && { q: search.value });
    chosen.forEach(([facet, value]) => query.set(facets[facet][0], facets[facet][2][value]));
    if (!none && (narrowed || location.hash.startsWith(FIND))) history.replaceState(null, "", narrowed ? `${FIND}${query}` : "#items");
    label();
  }
  function clear() {
    search.value = "";
    selects.forEach((select) => (select.value = ""));
    update();
  }
  function asked() {
    const query = new URLSearchParams(location.hash.slice(FIND.length));
    search.value = query.get("q") ?? "";
    let none = Object.entries(alike).some(([key, word]) => query.has(key) && query.get(key) !== word);
    facets.forEach(([key, , values], facet) => {
      const number = values.indexOf(query.get(key));
      selects[facet].value = number < 0 ? "" : number;
      none ||= query.has(key) && number < 0;
    });
    update(none);
    form.scrollIntoView();
  }

  // One button opens and shuts what is shown; of more than two hundred cases it would be a wait, and no help.
  const shown = () => cases.filter((item) => !item.hidden);
  function label() {
    if (!button) return;
    const items = shown();
    button.hidden = items.length < 2 || items.length > 200;
    button.textContent = items.every((item) => item.open) ? "Shut all" : "Open all";
  }

  if (form && cases.length > 1) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    search.addEventListener("input", () => update());
    search.addEventListener("keydown", (event) => event.key === "Escape" && clear());
    addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
      event.preventDefault();
      search.focus();
    });
    button.addEventListener("click", () => {
      const open = button.textContent === "Open all";
      shown().forEach((item) => (item.open = open));
    });
    if (!location.hash.startsWith(FIND)) update();
    (window.requestIdleCallback ?? setTimeout)(() => cases.forEach((_, number) => text(number)));
  }
  addEventListener("hashchange", reveal);
  reveal();

  let shut = [];
  addEventListener("beforeprint", () => {
    printing = true;
    shut = [...document.querySelectorAll("details:not([open])")];
    shut.forEach((item) => (item.open = true));
  });
  addEventListener("afterprint", () => {
    shut.forEach((item) => (item.open = false));
    printing = false;
  });
}
