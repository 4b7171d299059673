"use strict";
(() => {
  const controls = document.querySelector(".controls");
  const list = document.getElementById("articles");
  if (!controls || !list) return;
  controls.hidden = false;
  controls.addEventListener("submit", (event) => event.preventDefault());
  const filter = document.getElementById("filter");
  const order = document.getElementById("order");
  const shown = document.getElementById("shown");
  const items = Array.from(list.children);
  const texts = items.map((item) => item.textContent.toLowerCase());

  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    items.forEach((item, place) => {
      item.hidden = !words.every((word) => texts[place].includes(word));
      count += item.hidden ? 0 : 1;
    });
    shown.textContent = count + (count === 1 ? " video" : " videos");
  });

  const number = (item, name) => Number(item.dataset[name]);
  const orders = {
    page: (a, b) => number(a, "place") - number(b, "place"),
    longest: (a, b) => number(b, "seconds") - number(a, "seconds"),
    words: (a, b) => number(b, "words") - number(a, "words"),
  };
  order.addEventListener("change", () => {
    list.append(...items.slice().sort(orders[order.value] || orders.page));
  });
})();
