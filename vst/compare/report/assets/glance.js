"use strict";
/* The means of each model: how coherent it keeps each clip, and at what cost. */
{
  const cells = [...document.querySelectorAll("[data-mean]")];
  const columnOf = (cell) => `${cell.dataset.mean} ${cell.dataset.clip ?? ""}`;

  /** A cell's mean over the finished runs of its model, their number, and the number of paintings and clips. */
  const meanOf = (cell) => {
    const { mean: key, clip } = cell.dataset;
    const members = vst.shown.filter((run) => clip === undefined || run.clip === clip);
    const { model } = cell.closest("tr").dataset;
    const values = members.filter((run) => run.model === model && run.status === "finished")
      .map((run) => run.summary[key]).filter((value) => value !== null);
    return {
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      count: values.length,
      all: new Set(members.map((run) => run.group)).size,
    };
  };

  const fill = (cell) => {
    const { mean, count, all } = meanOf(cell);
    cell.replaceChildren();
    const value = document.createElement("span");
    value.className = "value";
    value.textContent = count ? vst.scaled(cell.dataset.mean, mean) : "–";
    cell.append(value);
    if (count && count < all) {
      const note = document.createElement("small");
      note.textContent = ` (${count} of ${all})`;
      cell.append(note);
    }
    // a mean over only some of the paintings is not comparable with one over all
    return count && count === all ? mean : null;
  };

  const fillAll = () => {
    const columns = Map.groupBy(cells.map((cell) => [cell, fill(cell)]), ([cell]) => columnOf(cell));
    for (const column of columns.values()) {
      const known = column.map(([, mean]) => mean).filter((mean) => mean !== null);
      const least = Math.min(...known); // lower is better for all of these figures
      const tells = known.some((mean) => mean !== least);
      for (const [cell, mean] of column) cell.classList.toggle("best", tells && mean === least);
    }
    for (const row of document.querySelectorAll("[data-model]")) {
      row.hidden = !vst.shown.some((run) => run.model === row.dataset.model);
    }
  };

  if (cells.length) document.addEventListener("vst:runs", fillAll);
}
