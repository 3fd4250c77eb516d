"use strict";
/* The figures: the page contains their traces, which are selected, coloured and linked to the player here. */
{
  const { runs, figures } = vst.data;
  const divs = Object.fromEntries([...document.querySelectorAll("[data-figure]")].map((div) => [div.dataset.figure, div]));
  const ALONG = ["metrics", "losses"];
  const NAMED = 9; // the most runs for which figures have a legend; hovering always names a run
  const narrow = matchMedia("(max-width: 640px)");
  const selected = new Set(); // runs selected on the parallel coordinates

  const chosenSeries = (name) => document.querySelector(`[data-series=${name}]`)?.value;
  const isLog = (name) => document.querySelector(`[data-log=${name}]`)?.checked ?? false;
  const inWholeClip = () => document.getElementById("stretch").value === "clip";
  const style = (property) => getComputedStyle(document.documentElement).getPropertyValue(property).trim();

  /** The data of one run's curves: of the frame shown, or of all frames, all equally wide. */
  const curve = (run, series) => {
    if (!inWholeClip()) {
      const own = run.curves[vst.player.frame];
      return { x: own?.evaluation ?? [], y: own?.[series] ?? [] };
    }
    const x = [];
    const y = [];
    for (const frame of Object.keys(run.curves).map(Number).sort((a, b) => a - b)) {
      const own = run.curves[frame];
      const last = own.evaluation.at(-1);
      x.push(...own.evaluation.map((number) => frame + (number - 1) / last), null);
      y.push(...own[series], null);
    }
    return { x, y };
  };

  const tracesOf = (name) => {
    const shown = new Set(vst.shown.map((run) => run.id));
    const series = chosenSeries(name);
    const someSelected = vst.shown.some((run) => selected.has(run.id));
    const traces = figures[name].data.filter(({ meta }) =>
      meta.members ? meta.members.some((id) => shown.has(id))
        : shown.has(meta.run) && (series === undefined || meta.series === series),
    ).map((given) => {
      // the uid keeps a trace hidden by the legend hidden, rather than whichever trace moves to its index
      const trace = { ...given, uid: given.meta.members ? `front${given.meta.members[0]}` : `run${given.meta.run}` };
      if (trace.meta.members) return front(trace, shown);
      if (name === "curves") {
        const drawn = { ...trace, ...curve(runs[trace.meta.run], series) };
        return inWholeClip() ? { ...drawn, mode: "lines", hovertemplate: trace.hovertemplate.replace("evaluation", "frame") } : drawn;
      }
      if (name === "parallel" && someSelected) return { ...trace, opacity: selected.has(trace.meta.run) ? 1 : 0.1 };
      return trace;
    });
    return isByModel(name) ? namedByModel(traces) : traces;
  };

  /** The Pareto front of the runs shown, from left to right by their warping error. */
  const front = (trace, shown) => {
    const points = trace.meta.members.filter((id) => shown.has(id))
      .map((id) => [runs[id].summary.warping_error, runs[id].summary.style, id])
      .sort(([a, b], [c, d]) => a - c || b - d);
    const chosen = [];
    for (const point of points) {
      const last = chosen.at(-1);
      if (!last || point[1] < last[1] || (point[0] === last[0] && point[1] === last[1])) chosen.push(point);
    }
    const several = new Set(vst.shown.map((run) => run.group)).size > 1;
    return {
      ...trace,
      x: chosen.map(([error]) => error),
      y: chosen.map(([, loss]) => loss),
      meta: { ...trace.meta, front: chosen.map(([, , id]) => id) },
      name: several ? trace.name : "Pareto front",
      mode: several ? "lines+markers" : "lines",
      showlegend: several ? !narrow.matches : chosen.length > 1,
    };
  };

  /** Whether each model has a colour of its own. */
  const colours = new Map(runs.map((run) => [run.model, run.colour]));
  const coloursTellModels = colours.size > 1 && runs.every((run) => run.colour === colours.get(run.model));

  /** Whether a figure's legend names models: if there are many runs, or their points look alike. */
  const isByModel = (name) => coloursTellModels && (name === "tradeoff" || vst.shown.length > NAMED);

  /** The traces with one legend entry per model, which shows and hides all of its runs. */
  const namedByModel = (traces) => {
    const named = new Set();
    return traces.map((trace) => {
      const run = runs[trace.meta.run];
      if (!run) return trace;
      const first = !named.has(run.model);
      named.add(run.model);
      return { ...trace, name: escaped(run.model), legendgroup: run.model, showlegend: first };
    });
  };

  /** The largest whole number on the horizontal axis. */
  const largest = (name) => Math.max(0, ...tracesOf(name).map(({ x }) => x.findLast((value) => value !== null) ?? 0));

  /** The frames at cuts and their labels, which name the clips only if there are several. */
  const cuts = () => {
    const found = new Map();
    for (const run of vst.shown) {
      for (const cut of run.cuts) found.set(cut, (found.get(cut) ?? new Set()).add(run.clip));
    }
    const several = new Set(vst.shown.map((run) => run.clip)).size > 1;
    return [...found].map(([cut, clips]) => [cut, several ? `cut of ${[...clips].join(", ")}` : "cut"]);
  };

  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("{", "&#123;");

  const cutLines = () => cuts().map(([cut, text]) => ({
    // the cut is between the frame that begins the shot and the one before
    type: "line", x0: cut - 0.5, x1: cut - 0.5, y0: 0, y1: 1, yref: "paper", layer: "below",
    line: { color: style("--quiet"), width: 1.5, dash: "dash" },
    label: { text: escaped(text), textposition: "end", textangle: 0, xanchor: "left", yanchor: "top", font: { size: 11, color: style("--quiet") } },
  }));

  const layoutOf = (name) => {
    const given = figures[name].layout;
    const line = { gridcolor: style("--line"), linecolor: style("--line"), tickcolor: style("--line"), zerolinecolor: style("--line"), automargin: true };
    const layout = {
      ...given,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: style("--font"), size: 12.5, color: style("--words") },
      hoverlabel: { bgcolor: style("--card"), bordercolor: style("--line"), font: { color: style("--words") }, align: "left" },
      xaxis: { ...line, ...given.xaxis },
      yaxis: { ...line, ...given.yaxis, type: isLog(name) ? "log" : "linear" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: style("--quiet"), activecolor: style("--accent") },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      uirevision: name,
    };
    if (name === "parallel") {
      layout.shapes = given.shapes.map((shape) => ({ ...shape, line: { ...shape.line, color: style("--quiet") } }));
      layout.annotations = given.annotations.map((note) => ({ ...note, bgcolor: style("--veil") }));
    }
    if (name !== "parallel" && name !== "tradeoff" && largest(name) <= 12) layout.xaxis.dtick = 1;
    if (name !== "parallel") layout.showlegend = isByModel(name) || (vst.shown.length <= NAMED && !narrow.matches);
    if (layout.xaxis.type === "log" && narrow.matches) layout.xaxis.dtick = 1; // whole decades only
    const series = chosenSeries(name);
    const title = given.meta.titles[series] ?? given.yaxis.title?.text;
    // a low figure has no room for a long title on one line
    if (title) layout.yaxis.title = { text: narrow.matches ? title.replace(" (", "<br>(") : title, standoff: 8 };
    const whole = name === "curves" && inWholeClip();
    if (whole) layout.xaxis.title = { ...layout.xaxis.title, text: "frame, with its evaluations from left to right" };
    if (ALONG.includes(name)) layout.shapes = cutLines();
    // there, a frame's evaluations begin at its number, so a cut is at the number itself
    if (whole) layout.shapes = cutLines().map((shape) => ({ ...shape, x0: shape.x0 + 0.5, x1: shape.x1 + 0.5 }));
    return layout;
  };

  const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"], toImageButtonOptions: { format: "svg" } };

  let drawnFrame = null; // the frame of the curves drawn
  const draw = async (name) => {
    if (!divs[name]) return;
    if (name === "curves") drawnFrame = vst.player.frame;
    const config = name === "parallel" ? { ...CONFIG, displayModeBar: false } : CONFIG;
    await Plotly.react(divs[name], tracesOf(name), layoutOf(name), config);
    moveCursor(name);
  };

  const drawAll = () => Promise.all(Object.keys(divs).map(draw));

  /* The frame shown is a line of our own over the figure: redrawing the figure would be too slow during playback. */
  const moveCursor = (name) => {
    const div = divs[name];
    const axis = div?._fullLayout?.xaxis;
    if (!axis?.l2p || !(ALONG.includes(name) || (name === "curves" && inWholeClip()))) {
      div?.querySelector(".cursor")?.remove();
      return;
    }
    let cursor = div.querySelector(".cursor");
    if (!cursor) {
      cursor = Object.assign(document.createElement("i"), { className: "cursor" });
      div.append(cursor);
    }
    const place = axis.l2p(vst.player.frame);
    const { _size: size } = div._fullLayout;
    cursor.hidden = place < 0 || place > axis._length;
    Object.assign(cursor.style, { left: `${axis._offset + place}px`, top: `${size.t}px`, height: `${size.h}px` });
  };

  /* The curves are drawn only once the player rests at a frame: during a drag, drawing them would slow it down. */
  let resting = null;
  const onFrame = () => {
    for (const name of [...ALONG, "curves"]) moveCursor(name);
    clearTimeout(resting);
    if (vst.player.playing || inWholeClip() || drawnFrame === vst.player.frame) return;
    resting = setTimeout(() => draw("curves"), 120);
  };

  /** Select the runs with a selected point on every axis that has any selected point. */
  const selectRuns = (points) => {
    const byAxis = Map.groupBy(points, (point) => point.x);
    const chosen = [...byAxis.values()].map((group) => new Set(group.map((point) => point.data.meta.run)));
    selected.clear();
    for (const run of chosen[0] ?? []) if (chosen.every((set) => set.has(run))) selected.add(run);
  };

  vst.beginFigures = async () => {
    await drawAll();
    for (const name of ALONG) {
      divs[name].on("plotly_click", ({ points }) => vst.player.step(Math.round(points[0].x) - vst.player.frame));
      divs[name].on("plotly_relayout", () => moveCursor(name));
    }
    divs.parallel?.on("plotly_selected", (event) => { selectRuns(event?.points ?? []); draw("parallel"); });
    divs.parallel?.on("plotly_deselect", () => { selected.clear(); draw("parallel"); });
    document.addEventListener("vst:frame", onFrame);
    let typed = null; // delayed, since drawing the figures of many runs takes longer than typing the next letter of a filter
    document.addEventListener("vst:runs", () => { clearTimeout(typed); typed = setTimeout(drawAll, 120); });
    document.addEventListener("vst:theme", drawAll);
    narrow.addEventListener("change", drawAll);
    for (const select of document.querySelectorAll("[data-series]")) select.addEventListener("change", () => draw(select.dataset.series));
    for (const tick of document.querySelectorAll("[data-log]")) tick.addEventListener("change", () => draw(tick.dataset.log));
    document.getElementById("stretch").addEventListener("change", () => draw("curves"));
    new ResizeObserver(() => { for (const name of [...ALONG, "curves"]) moveCursor(name); }).observe(document.body);
  };
}
