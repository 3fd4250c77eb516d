"use strict";
/* The player: one frame number, which all screens show. */
{
  const AHEAD = 8; // frames decoded in advance
  const at = (id) => document.getElementById(id);

  const player = {
    frame: 0,
    view: "painted",
    playing: false,
    speed: 1,
    length: 1,
    cuts: [],
    lead: null, // the source whose frame times are used
    turn: 0,

    /** Set the runs to play: their length, and their cuts. */
    follow(runs) {
      const sources = runs.map((run) => vst.runSources[run.id]).filter(Boolean);
      this.lead = sources[0] ?? null;
      this.length = Math.max(1, ...sources.map((source) => source.count));
      this.cuts = [...new Set(runs.flatMap((run) => run.cuts))].filter((cut) => cut < this.length);
      at("scrub").max = this.length - 1;
      at("ticks").replaceChildren(...this.cuts.map((cut) => {
        const tick = document.createElement("i");
        tick.style.left = `${(100 * cut) / Math.max(1, this.length - 1)}%`;
        tick.title = `cut at frame ${cut}`;
        return tick;
      }));
      this.go(Math.min(this.frame, this.length - 1));
    },

    /** Show frame `i` on all visible screens at once, when it is decoded for all of them. */
    async go(i) {
      const wanted = Math.max(0, Math.min(i, this.length - 1));
      const turn = (this.turn += 1);
      const { view } = this;
      this.frame = wanted;
      const screens = [...vst.screens].filter((screen) => screen.seen);
      await Promise.all(screens.map((screen) => screen.prepare(wanted, view)));
      if (turn !== this.turn) return; // another frame was requested meanwhile
      this.draw(screens);
      this.lookAhead(screens);
    },

    draw(screens) {
      for (const screen of screens) screen.draw(this.frame, this.view);
      this.tell();
    },

    lookAhead(screens) {
      for (let next = 1; next <= AHEAD; next += 1) {
        const frame = (this.frame + next) % this.length;
        for (const screen of screens) if (screen.fixed === null) screen.prepare(frame, this.view);
      }
    },

    /** Draw the current frame again, after a change of the visible screens or of the view. */
    refresh() { return this.go(this.frame); },

    tell() {
      at("scrub").value = this.frame;
      const seconds = this.lead ? this.lead.time(this.frame) : 0;
      const cut = this.cuts.includes(this.frame) ? " · cut" : "";
      at("position").textContent = `frame ${this.frame} of 0–${this.length - 1} · ${seconds.toFixed(2)} s${cut}`;
      if (!this.playing) this.place();
      document.dispatchEvent(new CustomEvent("vst:frame", { detail: this.frame }));
    },

    videos() {
      return this.view === "video" ? [...document.querySelectorAll("#stage video")] : [];
    },

    /** Seek the videos to the middle of the frame shown: at its beginning, the previous frame may still be shown.

        Seeks are done one after another: during overlapping seeks, Chromium may keep showing an intermediate frame. */
    place() {
      for (const video of this.videos()) {
        const { source } = video.vst;
        const frame = source.frame(this.frame);
        const wanted = source.time(frame) + source.lasts(frame) / 2;
        if (video.seeking) video.onseeked = () => { video.onseeked = null; this.place(); };
        else if (Math.abs(video.currentTime - wanted) > 1e-4) video.currentTime = wanted;
      }
    },

    /** Keep playing videos in sync: a little faster or slower, and with a seek where that is not enough. */
    steer() {
      for (const video of this.videos()) {
        const { source } = video.vst;
        const wanted = source.time(source.frame(this.frame)) + source.lasts(0) / 2;
        const late = wanted - video.currentTime;
        if (Math.abs(late) > 0.25 && !video.seeking) video.currentTime = wanted;
        video.playbackRate = Math.max(0.0625, this.speed * (1 + Math.max(-0.1, Math.min(0.1, late))));
        if (video.paused && !video.ended) video.play().catch(() => {}); // rejected if it is paused before it has begun
      }
    },

    play() {
      if (this.length < 2) return;
      if (this.frame === this.length - 1) this.go(0);
      this.place();
      this.playing = true;
      this.due = null;
      this.buttons();
      requestAnimationFrame((now) => this.tick(now));
    },

    pause() {
      this.playing = false;
      for (const video of this.videos()) video.pause();
      this.buttons();
      this.refresh();
    },

    toggle() { return this.playing ? this.pause() : this.play(); },

    step(by) {
      if (this.playing) this.pause();
      this.go(this.frame + by);
    },

    buttons() {
      at("toggle").classList.toggle("playing", this.playing);
      at("toggle").setAttribute("aria-label", this.playing ? "Pause" : "Play");
    },

    /** One display refresh: advance to the next frame when it is due and decoded for every screen. */
    tick(now) {
      if (!this.playing) return;
      const lasts = () => (1000 * (this.lead?.lasts(this.frame) ?? 0.04)) / this.speed;
      this.due ??= now + lasts();
      if (now >= this.due) {
        let next = this.frame + 1;
        if (next >= this.length) {
          if (!at("loop").checked) return void this.pause();
          next = 0;
        }
        const screens = [...vst.screens].filter((screen) => screen.seen);
        const waiting = screens.filter((screen) => !screen.isReady(next, this.view));
        const failed = waiting.filter((screen) => screen.given === next);
        if (waiting.length === failed.length) {
          this.turn += 1;
          this.frame = next;
          if (next === 0) this.place(); // a video that has ended would not restart
          this.draw(screens);
          this.lookAhead(screens);
          // a late frame is not caught up with, since that would skip others
          this.due = Math.max(this.due + lasts(), now);
        } else {
          for (const screen of waiting) screen.prepare(next, this.view).then(() => { screen.given = next; });
        }
      }
      this.steer();
      requestAnimationFrame((later) => this.tick(later));
    },

    setView(view) {
      for (const video of this.videos()) video.pause();
      this.view = view;
      document.body.dataset.view = view;
      at("scale-box").hidden = view !== "residual";
      document.querySelector(`input[name=view][value=${view}]`).checked = true;
      document.dispatchEvent(new CustomEvent("vst:view", { detail: view }));
      return this.refresh();
    },

    /** Set the change that has the scale's last colour, for all residuals on the page. */
    setScale(scale) {
      const gain = 1 / (3 * scale);
      const row = `${gain} ${gain} ${gain} 0 0`;
      at("mean").setAttribute("values", `${row} ${row} ${row} 0 0 0 1 0`);
      at("scale-end").textContent = scale;
    },
  };
  vst.player = player;

  at("toggle").addEventListener("click", () => player.toggle());
  at("first").addEventListener("click", () => player.step(-player.frame));
  at("back").addEventListener("click", () => player.step(-1));
  at("forward").addEventListener("click", () => player.step(1));
  at("scrub").addEventListener("input", (event) => player.step(Number(event.target.value) - player.frame));
  at("speed").addEventListener("change", (event) => { player.speed = Number(event.target.value); });
  at("scale").addEventListener("change", (event) => player.setScale(Number(event.target.value)));
  for (const radio of document.querySelectorAll("input[name=view]")) {
    radio.addEventListener("change", () => player.setView(radio.value));
  }

  /* A control changed with the mouse loses the keyboard focus: after a click on `residual`, the arrow keys still step. */
  let byMouse = false;
  document.addEventListener("pointerdown", () => { byMouse = true; }, true);
  document.addEventListener("keydown", () => { byMouse = false; }, true);
  document.addEventListener("change", ({ target }) => {
    if (byMouse && target.matches("select, input[type=radio], input[type=checkbox]")) target.blur();
  });

  const keys = {
    " ": () => player.toggle(),
    ArrowLeft: () => player.step(-1),
    ArrowRight: () => player.step(1),
    Home: () => player.step(-player.frame),
    End: () => player.step(player.length),
    p: () => player.setView("painted"),
    r: () => player.setView(player.view === "residual" ? "painted" : "residual"),
    v: () => player.setView(player.view === "video" ? "painted" : "video"),
    t: () => at("theme").click(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    // leave the key to controls that use it
    if (target.matches("input[type=search], select")) return;
    if (event.key === " " && target.matches("button, a, input[type=checkbox]")) return;
    if (/^(Arrow|Home|End)/.test(event.key) && target.matches("input[type=range], input[type=radio], .scroll")) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
