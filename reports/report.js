// The report is whole without this. It adds: a link's item opens in browsers that leave it shut, one button to open and
// shut all items, and a print with every item open.
"use strict";
{
  const items = [...document.querySelectorAll("details")];

  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    const holder = target && target.closest("details");
    if (holder && !holder.open) {
      holder.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  const heading = document.getElementById("items");
  const listed = items.filter((item) => item.classList.contains("item"));
  if (heading && listed.length > 1) {
    const button = document.createElement("button");
    const label = () => (listed.every((item) => item.open) ? "Shut all" : "Open all");
    button.type = "button";
    button.textContent = label();
    button.addEventListener("click", () => {
      const open = label() === "Open all";
      listed.forEach((item) => (item.open = open));
    });
    listed.forEach((item) => item.addEventListener("toggle", () => (button.textContent = label())));
    heading.after(button);
  }

  let shut = [];
  addEventListener("beforeprint", () => {
    shut = items.filter((item) => !item.open);
    shut.forEach((item) => (item.open = true));
  });
  addEventListener("afterprint", () => shut.forEach((item) => (item.open = false)));
}
