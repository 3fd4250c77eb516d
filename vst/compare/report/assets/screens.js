"use strict";
/* The sources of pictures, and the screens they are drawn on.

   Why frames and not videos: seeking a video is asynchronous and at some rates inexact, and several players drift
   apart, so that a comparison of frames could not be trusted. A run stores every painted frame as a lossless PNG. A
   screen is a canvas that shows exactly frame i, and the player draws all screens at once, when frame i of each is
   decoded, so they are always in sync. Where frames are missing, the pictures are taken from the video, at the middle
   of each frame's time. The video files themselves are one of the three views.

   Nothing is read back from a canvas, which browsers forbid for pictures from disk: a residual is a picture drawn
   over the previous one with the `difference` operation, and coloured by an SVG filter. */
const vst = {};

vst.data = JSON.parse(document.getElementById("data").textContent);

/** The most bytes of decoded pictures that all sources together cache. */
vst.MEMORY = 400e6;

/** A cache of the most recently used pictures, each decoded only once; `load` decodes the picture of a frame. */
class Source {
  constructor({ count, size, times, rate }) {
    Object.assign(this, { count, size, times, rate });
    this.cache = new Map();
  }

  /** The frame to show at the player's frame `i`: the last one if the clip has ended. */
  frame(i) { return Math.max(0, Math.min(i, this.count - 1)); }

  /** When frame `i` begins, in seconds from the first. */
  time(i) {
    if (this.times.length > i && this.times[i] !== null) return this.times[i] - this.times[0];
    return i / this.rate;
  }

  /** How long frame `i` shows, in seconds. */
  lasts(i) {
    const span = i + 1 < this.times.length ? this.time(i + 1) - this.time(i) : 1 / this.rate;
    return span > 0 ? span : 1 / this.rate;
  }

  ready(i) { return this.cache.get(i)?.picture ?? null; }

  /** Promise of frame `i`, decoded, or of null if it is not available. */
  picture(i) {
    let entry = this.cache.get(i);
    if (!entry) {
      entry = { picture: null };
      entry.promise = this.load(i).then((picture) => (entry.picture = picture), () => null);
    }
    this.cache.delete(i); // reinserted at the end: the least recently used is removed first
    this.cache.set(i, entry);
    while (this.cache.size > this.most()) this.cache.delete(this.cache.keys().next().value);
    return entry.promise;
  }

  most() {
    const [width, height] = this.size ?? [640, 360];
    // at least as many as the player decodes in advance, so that these do not evict each other
    return Math.max(12, Math.floor(vst.MEMORY / (vst.sources.length * width * height * 4)));
  }
}

class FrameSource extends Source {
  constructor(options) {
    super(options);
    this.folder = options.frames;
  }

  async load(i) {
    const image = new Image();
    image.src = `${this.folder}${String(i).padStart(6, "0")}.png`;
    await image.decode();
    this.size ??= [image.naturalWidth, image.naturalHeight];
    return image;
  }
}

/** Frames of a video, by one seek after another, since a video element has only one position. */
class VideoSource extends Source {
  constructor(options) {
    super(options);
    this.video = Object.assign(document.createElement("video"), { src: options.video, muted: true, preload: "auto" });
    this.last = new Promise((resolve, reject) => {
      this.video.addEventListener("loadeddata", () => resolve(), { once: true });
      this.video.addEventListener("error", () => reject(new Error("no video")), { once: true });
    });
  }

  load(i) {
    const seek = async () => {
      await new Promise((resolve) => {
        this.video.addEventListener("seeked", resolve, { once: true });
        this.video.currentTime = this.time(i) + this.lasts(i) / 2;
      });
      this.size ??= [this.video.videoWidth, this.video.videoHeight];
      return createImageBitmap(this.video);
    };
    this.last = this.last.then(seek);
    return this.last;
  }
}

vst.sources = [];

const makeSource = (item, times, rate) => {
  const options = { ...item, times, rate };
  const source = !item.count ? null
    : item.frames ? new FrameSource(options) : item.video ? new VideoSource(options) : null;
  if (source) vst.sources.push(source);
  return source;
};

vst.runSources = vst.data.runs.map((run) => makeSource(run, run.times, run.rate));
vst.contentSources = vst.data.contents.map((content, number) => {
  const painted = vst.data.runs.find((run) => run.content === number);
  return makeSource(content, painted.times, painted.rate);
});

/** A canvas that shows one frame of a source, or its change from the previous frame. */
class Screen {
  constructor(element, source, fixed = null) {
    Object.assign(this, { element, source, fixed, seen: false });
    this.canvas = document.createElement("canvas");
    const [width, height] = source?.size ?? [16, 9];
    this.canvas.width = width;
    this.canvas.height = height;
    this.canvas.setAttribute("role", "img");
    element.append(this.canvas);
    if (!source) element.classList.add("empty");
    vst.screens.add(this);
    vst.watch.observe(element);
    element.vstScreen = this;
  }

  leave() {
    vst.watch.unobserve(this.element);
    vst.screens.delete(this);
    this.element.vstScreen = null;
  }

  frames(i, view) {
    const frame = this.source.frame(this.fixed ?? i);
    return view === "residual" && frame > 0 ? [frame, frame - 1] : [frame];
  }

  isReady(i, view) { return !this.source || this.frames(i, view).every((frame) => this.source.ready(frame)); }

  /** Promise that everything needed for frame `i` is decoded, or not available. */
  async prepare(i, view) {
    if (this.source) await Promise.all(this.frames(i, view).map((frame) => this.source.picture(frame)));
  }

  /** Draw frame `i`, in the same event-loop turn for all screens; if it is not available, the screen stays unchanged. */
  draw(i, view) {
    if (!this.source) return;
    const [frame] = this.frames(i, view);
    const pictures = this.frames(i, view).map((each) => this.source.ready(each));
    if (pictures.includes(null)) return;
    const residual = view === "residual";
    const drawn = `${frame} ${residual}`;
    if (drawn === this.drawn) return; // a key frame, or a clip that has ended
    this.drawn = drawn;
    const [width, height] = this.source.size;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.globalCompositeOperation = "copy";
    context.drawImage(pictures[0], 0, 0);
    if (residual) {
      context.globalCompositeOperation = "difference";
      // the first frame has none before it: its change is zero
      context.drawImage(pictures[1] ?? pictures[0], 0, 0);
    }
    this.canvas.classList.toggle("residual", residual);
    this.canvas.dataset.frame = frame;
    this.canvas.dataset.view = residual ? "residual" : "painted";
  }
}

vst.screens = new Set();

/* Screens scrolled out of view are neither decoded nor waited for. */
vst.watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (target.vstScreen) target.vstScreen.seen = isIntersecting;
  }
  if (entries.some((entry) => entry.isIntersecting)) vst.player?.refresh();
}, { rootMargin: "120px" });
