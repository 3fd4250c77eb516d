"use strict";
/* The table of runs: sorting, filtering, marking the best, and differences to a baseline. */
{
  const at = (id) => document.getElementById(id);
  const { runs, metrics } = vst.data;
  const body = at("table").tBodies[0];
  const rows = [...body.rows];
  const runOf = (row) => runs[Number(row.dataset.run)];
  const cellOf = (row, key) => row.querySelector(`[data-metric="${key}"]`);
  const isShown = (row) => !row.hidden;

  const MOST_PLAYED = 12; // the most panels shown before any run is ticked by hand
  let pickedByHand = false;

  /** A metric's value divided by its column's power of ten, to three digits. */
  vst.scaled = (key, value) => {
    const { power } = metrics.find((metric) => metric.key === key);
    const scaled = value / 10 ** power;
    const digits = scaled === 0 ? 2 : Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(Math.abs(scaled)))));
    return scaled.toFixed(digits);
  };

  /** How far a value is from the best of its metric. */
  const distance = (metric, value) =>
    metric.best === "low" ? value : metric.best === "high" ? -value : Math.abs(value - metric.best);

  const announce = () => {
    const shown = rows.filter(isShown);
    const picked = shown.filter((row) => row.querySelector(".pick").checked);
    at("all").checked = picked.length === shown.length && shown.length > 0;
    at("all").indeterminate = picked.length > 0 && picked.length < shown.length;
    vst.shown = shown.map(runOf);
    vst.played = picked.map(runOf);
    document.dispatchEvent(new CustomEvent("vst:runs"));
  };

  /** Tick the runs to play: all runs shown if they are few, else some of the first clip and painting. */
  const pick = () => {
    const shown = rows.filter(isShown);
    const first = shown.length <= MOST_PLAYED ? shown : shown.filter((row) => runOf(row).group === runOf(shown[0]).group);
    const last = Math.min(first.length, MOST_PLAYED) - 1;
    const chosen = new Set(Array.from({ length: last + 1 }, (_, i) => first[Math.round((i * (first.length - 1)) / Math.max(1, last))]));
    for (const row of rows) row.querySelector(".pick").checked = chosen.has(row);
  };

  const filter = () => {
    const words = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = [...document.querySelectorAll("[data-filter]")].filter((select) => select.value !== "");
    for (const row of rows) {
      const { label, name, notes, status, settings } = runOf(row);
      const figures = [...row.querySelectorAll(".value")].map((value) => value.textContent);
      const text = [label, name, status, ...notes, ...Object.values(settings), ...figures].join(" ").toLowerCase();
      const cell = (key) => [...row.cells].find((each) => each.dataset.key === key);
      row.hidden = !words.every((word) => text.includes(word))
        || !wanted.every((select) => cell(select.dataset.filter).dataset.value === select.value);
    }
    for (const element of document.querySelectorAll("[data-row]")) {
      element.hidden = rows.find((row) => row.dataset.run === element.dataset.row).hidden;
    }
    // hide tables without a run
    for (const table of document.querySelectorAll("[data-rows]")) table.hidden = !table.querySelector("[data-row]:not([hidden])");
    at("nothing").hidden = rows.some(isShown);
    at("clear").hidden = words.length === 0 && wanted.length === 0;
    markBest();
    if (!pickedByHand) pick();
    announce();
  };

  const clear = () => {
    for (const control of [at("filter"), ...document.querySelectorAll("[data-filter]")]) control.value = "";
    filter();
    at("filter").focus(); // the button is hidden now
  };

  /** Mark the best value of each metric among the rows shown, for each group of comparable runs. */
  const markBest = () => {
    for (const cell of body.querySelectorAll(".best")) cell.classList.remove("best");
    const shown = rows.filter(isShown);
    for (const metric of metrics.filter((each) => each.judged)) {
      for (const group of new Set(shown.map((row) => runOf(row).group))) {
        const members = shown.filter((row) => runOf(row).group === group);
        const finished = members.filter((row) => runOf(row).status === "finished");
        const values = finished
          .map((row) => cellOf(row, metric.key))
          .filter((cell) => cell.dataset.number !== undefined)
          .map((cell) => [distance(metric, Number(cell.dataset.number)), cell]);
        if (values.length < 2) continue;
        const least = Math.min(...values.map(([value]) => value));
        if (values.every(([value]) => value === least)) continue; // all equal: none is best
        for (const [value, cell] of values) if (value === least) cell.classList.add("best");
      }
    }
    for (const figure of document.querySelectorAll("figure[data-row]")) {
      const row = rows.find((each) => each.dataset.run === figure.dataset.row);
      figure.classList.toggle("best", cellOf(row, "warping_error")?.classList.contains("best") ?? false);
    }
  };

  /** The baseline of a run; null where there is none, or several. */
  const baselineOf = (run) => {
    const chosen = at("baseline").value;
    if (chosen === "") return null;
    if (!chosen.startsWith("model:")) return runs[Number(chosen)];
    const model = chosen.slice("model:".length);
    const members = runs.filter((each) => each.group === run.group && each.model === model);
    return members.length === 1 ? members[0] : null;
  };

  const signed = (value, digits) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

  const difference = (metric, value, base, power) => {
    if (at("difference").value === "percent") {
      return base === 0 ? "" : `${signed((100 * (value - base)) / Math.abs(base), 1)} %`;
    }
    const scaled = (value - base) / 10 ** power;
    return signed(scaled, Math.abs(scaled) < 1 ? 3 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(scaled)))));
  };

  const compare = () => {
    for (const old of body.querySelectorAll(".delta")) old.remove();
    for (const row of rows) {
      const run = runOf(row);
      const baseline = baselineOf(run);
      row.classList.toggle("baseline", baseline === run);
      if (!baseline || baseline === run) continue;
      for (const metric of metrics) {
        const value = run.summary[metric.key];
        const base = baseline.summary[metric.key];
        if (value === null || base === null) continue;
        const cell = cellOf(row, metric.key);
        const text = difference(metric, value, base, Number(cell.dataset.power));
        if (!text) continue;
        const delta = document.createElement("small");
        delta.className = "delta";
        // a run on another clip or painting is neither better nor worse
        const gain = metric.judged && run.group === baseline.group ? distance(metric, base) - distance(metric, value) : 0;
        if (gain !== 0) delta.classList.add(gain > 0 ? "better" : "worse");
        delta.textContent = text + (gain > 0 ? " ▲" : gain < 0 ? " ▼" : "");
        delta.title = gain > 0 ? "better than the baseline" : gain < 0 ? "worse than the baseline"
          : run.group === baseline.group ? "" : "on another clip or painting";
        cell.append(delta);
      }
    }
    const chosen = at("baseline").value;
    at("compared").textContent = chosen === "" ? ""
      : `▲ better, ▼ worse than ${chosen.startsWith("model:") ? `the run of ${chosen.slice(6)} on the same clip and painting` : runs[Number(chosen)].label}.`;
  };

  const valueOf = (row, key) => {
    const run = runOf(row);
    if (key.startsWith("metric:")) return run.summary[key.slice("metric:".length)];
    if (key === "label") return run.label;
    const cell = [...row.cells].find((each) => each.dataset.key === key);
    return cell.dataset.number !== undefined ? Number(cell.dataset.number) : cell.dataset.value;
  };

  const sort = (button) => {
    const header = button.closest("th");
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of at("table").querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const key = button.dataset.sort;
    const isAbsent = (value) => value === null || value === "–";
    const order = rows.slice().sort((one, other) => {
      const [a, b] = [valueOf(one, key), valueOf(other, key)];
      if (isAbsent(a) || isAbsent(b)) return isAbsent(a) - isAbsent(b); // missing values stay at the bottom
      const sign = typeof a === "number" && typeof b === "number"
        ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
      return descending ? -sign : sign;
    });
    body.append(...order);
    rows.splice(0, rows.length, ...order);
    announce();
  };

  for (const button of at("table").querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => sort(button));
  }
  for (const tick of body.querySelectorAll(".pick")) {
    tick.addEventListener("change", () => { pickedByHand = true; announce(); });
  }
  at("all").addEventListener("change", () => {
    pickedByHand = true;
    for (const row of rows.filter(isShown)) row.querySelector(".pick").checked = at("all").checked;
    announce();
  });
  at("filter").addEventListener("input", filter);
  at("clear").addEventListener("click", clear);
  for (const select of document.querySelectorAll("[data-filter]")) select.addEventListener("change", filter);
  at("baseline").addEventListener("change", compare);
  at("difference").addEventListener("change", compare);
  at("more")?.addEventListener("change", (event) => at("runs").classList.toggle("all", event.target.checked));

  vst.beginTable = filter;
}
