"use strict";
/* Assembles the page: the panels, the wipe, the selection, and the theme. */
{
  const at = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const { runs, contents } = vst.data;

  /** A metric's value with the same power of ten as in the table, so that frames and runs are easy to compare. */
  const written = (key, value) => {
    const { power } = vst.data.metrics.find((metric) => metric.key === key);
    const superscript = [...String(power)].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign])).join("");
    return `${vst.scaled(key, value)}${power ? `×10${superscript}` : ""}`;
  };

  /** A panel: its name, the canvas, the video file, and the figures of the frame shown. */
  class Panel {
    constructor({ label, swatch, source, video, run }) {
      Object.assign(this, { source, run });
      this.element = make("figure", "panel");
      const caption = make("figcaption");
      if (swatch) caption.append(swatch);
      const name = make("span", "name", label);
      name.title = label; // for a name wider than the panel
      caption.append(name);
      if (run && run.status !== "finished") caption.append(make("span", `status ${run.status}`, run.status));
      this.screenElement = make("div", "screen");
      this.readout = make("div", "readout");
      this.element.append(caption, this.screenElement, this.readout);
      this.screen = new Screen(this.screenElement, source);
      this.screen.canvas.setAttribute("aria-label", label);
      this.videoFile = video;
    }

    /** Show the video file over the canvas, or remove it, so that it is loaded only while it is shown. */
    setView(view) {
      this.video?.remove();
      this.video = null;
      if (view !== "video" || !this.source) return;
      if (!this.videoFile) {
        this.video = make("p", "absent", "no video file");
      } else {
        this.video = Object.assign(make("video"), { muted: true, playsInline: true, preload: "auto", src: this.videoFile });
        this.video.vst = { source: this.source };
        this.video.addEventListener("loadedmetadata", () => { if (!vst.player.playing) vst.player.place(); });
      }
      this.screenElement.append(this.video);
    }

    tell(frame) {
      if (!this.source) { this.readout.textContent = "nothing painted yet"; return; }
      const own = this.source.frame(frame);
      const parts = [frame > own ? `ended at frame ${own}` : `frame ${own}`];
      const error = this.run?.along.warping_error[own];
      const loss = this.run?.along.style[own];
      if (error != null) parts.push(`warping error ${written("warping_error", error)}`);
      else if (loss != null) parts.push(`style loss ${written("style", loss)}`);
      if (this.run?.cuts.includes(own)) parts.push("cut");
      if (own === 0 && vst.player.view === "residual") parts.splice(1, 1, "first frame, no residual");
      this.readout.textContent = parts.join(" · ");
    }

    leave() { this.screen.leave(); this.element.remove(); }
  }

  const swatchOf = (run) => document.querySelector(`tr[data-run="${run.id}"] .swatch`).cloneNode(true);
  const panels = new Map();

  const runPanel = (run) => new Panel({ label: run.label, swatch: swatchOf(run), source: vst.runSources[run.id], video: run.video, run });
  const contentPanel = (number) => new Panel({ label: `content ${contents[number].name}`, source: vst.contentSources[number], video: contents[number].video });

  /** Show panels for the chosen runs, in the table's order, each clip before its runs; reuse existing panels. */
  const fillStage = () => {
    const wanted = [];
    for (const run of vst.played) {
      const key = `content:${run.content}`;
      if (at("with-content").checked && vst.contentSources[run.content] && !wanted.includes(key)) wanted.push(key);
      wanted.push(`run:${run.id}`);
    }
    for (const [key, panel] of panels) if (!wanted.includes(key)) { panel.leave(); panels.delete(key); }
    for (const key of wanted) {
      const [kind, number] = key.split(":");
      if (!panels.has(key)) {
        const panel = kind === "run" ? runPanel(runs[number]) : contentPanel(Number(number));
        panel.setView(vst.player.view);
        panels.set(key, panel);
      }
    }
    const elements = wanted.map((key) => panels.get(key).element);
    const present = [...at("stage").children];
    // moving an existing panel would reload its video
    if (elements.some((element, place) => element !== present[place]) || elements.length !== present.length) at("stage").replaceChildren(...elements);
    at("chosen").textContent = `${vst.played.length} of ${vst.shown.length} runs; tick runs in the table to choose them`;
    vst.player.follow(vst.played.length ? vst.played : vst.shown);
  };

  const fixScreens = () => {
    for (const element of document.querySelectorAll(".screen[data-run], .screen[data-content]")) {
      const { run, content, frame } = element.dataset;
      const source = run === undefined ? vst.contentSources[content] : vst.runSources[run];
      const screen = new Screen(element, source, frame === undefined ? null : Number(frame));
      screen.canvas.setAttribute("aria-label", run === undefined ? contents[content].name : runs[run].label);
      if (frame !== undefined) element.addEventListener("click", () => vst.player.step(Number(frame) - vst.player.frame));
    }
  };

  const wipe = {
    sides: {},

    fill() {
      for (const side of ["left", "right"]) {
        this.sides[side]?.screen.leave();
        const [kind, number] = at(side).value.split(":");
        const source = kind === "run" ? vst.runSources[number] : vst.contentSources[number];
        const label = at(side).selectedOptions[0].textContent;
        const element = make("div", `screen ${side}`);
        this.sides[side] = { element, screen: new Screen(element, source) };
        this.sides[side].screen.canvas.setAttribute("aria-label", label);
        element.dataset.label = label;
      }
      const left = make("span", "tag left", this.sides.left.element.dataset.label);
      const right = make("span", "tag right", this.sides.right.element.dataset.label);
      at("wiper").replaceChildren(this.sides.right.element, this.sides.left.element, make("i", "handle"), left, right);
      const [width, height] = this.sides.right.screen.source?.size ?? [16, 9];
      at("wiper").style.setProperty("--ratio", width / height);
      this.move(Number(at("divider").value));
    },

    move(percent) {
      at("divider").value = percent;
      at("wiper").style.setProperty("--at", `${percent}%`);
    },

    drag(event) {
      const box = at("wiper").getBoundingClientRect();
      this.move(Math.max(0, Math.min(100, (100 * (event.clientX - box.left)) / box.width)));
    },

    /** The default pair: two chosen runs of one clip and painting, or else a run and its clip. */
    choose() {
      const first = vst.played.length ? vst.played : runs;
      // the last, which probably differs most from the first
      const other = first.findLast((run) => run.content === first[0].content && run.group === first[0].group);
      const content = vst.contentSources[first[0].content] ? `content:${first[0].content}` : `run:${first[0].id}`;
      const chosen = { left: `run:${first[0].id}`, right: other !== first[0] ? `run:${other.id}` : content };
      if (at("left").value === chosen.left && at("right").value === chosen.right && this.sides.left) return;
      for (const side of ["left", "right"]) at(side).value = chosen[side];
      this.fill();
    },

    take() {
      this.byHand = true;
      this.fill();
      vst.player.refresh();
    },

    begin() {
      for (const side of ["left", "right"]) at(side).addEventListener("change", () => this.take());
      at("swap").addEventListener("click", () => {
        [at("left").value, at("right").value] = [at("right").value, at("left").value];
        this.take();
      });
      at("divider").addEventListener("input", (event) => this.move(Number(event.target.value)));
      at("wiper").addEventListener("pointerdown", (event) => { at("wiper").setPointerCapture(event.pointerId); this.drag(event); });
      at("wiper").addEventListener("pointermove", (event) => { if (event.buttons) this.drag(event); });
      document.addEventListener("vst:runs", () => { if (!this.byHand) this.choose(); });
      this.choose();
    },
  };

  const THEMES = ["auto", "light", "dark"];
  at("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "auto";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    at("theme").textContent = `Theme: ${next}`;
    document.dispatchEvent(new CustomEvent("vst:theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("vst:theme")));

  const setWidth = () => at("stage").style.setProperty("--panel", `${at("width").value}px`);
  at("width").addEventListener("input", setWidth);
  at("pixels").addEventListener("change", (event) => document.body.classList.toggle("pixels", event.target.checked));
  at("with-content").addEventListener("change", fillStage);

  document.addEventListener("vst:runs", fillStage);
  document.addEventListener("vst:frame", ({ detail }) => { for (const panel of panels.values()) panel.tell(detail); });
  document.addEventListener("vst:view", ({ detail }) => {
    for (const panel of panels.values()) panel.setView(detail);
    vst.player.place();
  });

  if (window.innerWidth < 700) at("width").value = 160;
  setWidth();
  vst.player.setScale(Number(at("scale").value));
  fixScreens();
  vst.beginTable();
  wipe.begin();
  vst.beginFigures().then(() => { document.body.dataset.ready = "yes"; });
}
