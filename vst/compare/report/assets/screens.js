"use strict";
/* Where pictures come from, and the screens they are drawn on.

   Why frames and not videos: seeking a video is asynchronous, lands between frames at some rates, and several
   players drift apart, so that a comparison of one frame with another could not be trusted. A run keeps every
   painted frame as a lossless PNG. A screen is a canvas that gets exactly frame i, and the player draws all
   screens in one go, once frame i of every one of them is decoded: they cannot be out of step. Where frames are
   missing, the pictures are taken from the video, at the middle of each frame's time. The video files themselves
   are one of the three views.

   Nothing is ever read back from a canvas, which browsers forbid for pictures from disk: a residual is one
   picture drawn over the one before it with the `difference` operation, and an SVG filter gives its colours. */
const vst = {};

vst.data = JSON.parse(document.getElementById("data").textContent);

/** Bytes of decoded pictures that all sources together keep. */
vst.MEMORY = 400e6;

/** Keeps the pictures asked for last, and decodes each only once; `load` gives the picture of a frame. */
class Source {
  constructor({ count, size, times, rate }) {
    Object.assign(this, { count, size, times, rate });
    this.kept = new Map();
  }

  /** The frame that shows at the player's frame `i`: the last one where the clip is over. */
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

  ready(i) { return this.kept.get(i)?.picture ?? null; }

  /** Promise of frame `i`, decoded, or of null where it cannot be had. */
  picture(i) {
    let entry = this.kept.get(i);
    if (!entry) {
      entry = { picture: null };
      entry.promise = this.load(i).then((picture) => (entry.picture = picture), () => null);
    }
    this.kept.delete(i); // and put at the end: what was used last goes last
    this.kept.set(i, entry);
    while (this.kept.size > this.most()) this.kept.delete(this.kept.keys().next().value);
    return entry.promise;
  }

  most() {
    const [width, height] = this.size ?? [640, 360];
    // no fewer than what the player decodes in advance, or they would drive each other out
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

/** Frames out of a video: one seek after the other, since a video is at one time only. */
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

/** A canvas that shows one frame of a source, as it is or as its change from the frame before. */
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

  /** Promise that all it takes for frame `i` is decoded, or cannot be had. */
  async prepare(i, view) {
    if (this.source) await Promise.all(this.frames(i, view).map((frame) => this.source.picture(frame)));
  }

  /** Draw frame `i`, in the same turn for all screens; what cannot be had leaves the screen as it is. */
  draw(i, view) {
    if (!this.source) return;
    const [frame] = this.frames(i, view);
    const pictures = this.frames(i, view).map((each) => this.source.ready(each));
    if (pictures.includes(null)) return;
    const residual = view === "residual";
    const drawn = `${frame} ${residual}`;
    if (drawn === this.drawn) return; // a key frame, or what is over already
    this.drawn = drawn;
    const [width, height] = this.source.size;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.globalCompositeOperation = "copy";
    context.drawImage(pictures[0], 0, 0);
    if (residual) {
      context.globalCompositeOperation = "difference";
      // the first frame has none before it: its change is nothing
      context.drawImage(pictures[1] ?? pictures[0], 0, 0);
    }
    this.canvas.classList.toggle("residual", residual);
    this.canvas.dataset.frame = frame;
    this.canvas.dataset.view = residual ? "residual" : "painted";
  }
}

vst.screens = new Set();

/* What is scrolled out of sight is neither decoded nor waited for. */
vst.watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (target.vstScreen) target.vstScreen.seen = isIntersecting;
  }
  if (entries.some((entry) => entry.isIntersecting)) vst.player?.refresh();
}, { rootMargin: "120px" });
