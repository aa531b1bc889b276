(() => {
  "use strict";
  const rows = [...document.querySelectorAll("#changes tbody tr")];
  if (!rows.length) return;
  const search = document.getElementById("search");
  const kind = document.getElementById("kind");
  const collection = document.getElementById("collection");
  // Only what was done has outcomes.
  const outcome = document.getElementById("outcome");
  const seen = document.getElementById("seen");
  const nothing = document.getElementById("nothing");
  const texts = rows.map((row) => row.textContent.toLowerCase().replace(/\s+/g, " "));
  const fill = (select, name) => {
    for (const value of new Set(rows.map((row) => row.dataset[name]))) {
      select.append(new Option(value, value));
    }
  };
  fill(kind, "kind");
  fill(collection, "collection");
  if (outcome) fill(outcome, "outcome");
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, index) => {
      const fits =
        words.every((word) => texts[index].includes(word)) &&
        (!kind.value || row.dataset.kind === kind.value) &&
        (!collection.value || row.dataset.collection === collection.value) &&
        (!outcome?.value || row.dataset.outcome === outcome.value);
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    seen.textContent = count === rows.length ? `${count} changes` : `${count} of ${rows.length} changes`;
    nothing.hidden = count > 0;
  };
  document.querySelector("form.search").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", show);
  kind.addEventListener("change", show);
  collection.addEventListener("change", show);
  outcome?.addEventListener("change", show);
  // A link may carry a search: plan.html#search=words.
  const wanted = new URLSearchParams(location.hash.slice(1)).get("search");
  if (wanted) search.value = wanted;
  show();
})();
