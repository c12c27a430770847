/* The one script of the book's pages. It moves the pictures of live figures, and brings in the widget
   manager where a page has another kind of widget. Nothing is fetched before it is needed. */
"use strict";

/* ---- live figures: tools/sphinxext/bookext/live.py wrote the elements found here */

function liveFigure(figure) {
  const { folder, words, frames } = JSON.parse(figure.querySelector("script").textContent);
  const picture = figure.querySelector("img");
  const news = figure.querySelector(".live-news");
  const sliders = [...figure.querySelectorAll("input")];
  const readouts = [...figure.querySelectorAll("output")];
  let telling = 0;

  // The last slider moves fastest.
  const frameAt = (stops) => frames[stops.reduce((at, stop, i) => at * words[i].length + stop, 0)];
  const stops = () => sliders.map((slider) => Number(slider.value));
  const address = ([file]) => `${folder}/${file}`;

  const fetched = new Map();
  function fetchFrame(frame) {
    if (!fetched.has(frame)) {
      const image = new Image();
      image.src = address(frame);
      fetched.set(frame, image.decode().catch(() => fetched.delete(frame)));
    }
    return fetched.get(frame);
  }

  // One step away on every slider, so that the next step finds its picture.
  function fetchNeighbours() {
    const here = stops();
    here.forEach((stop, i) => {
      for (const next of [stop - 1, stop + 1]) {
        if (next >= 0 && next < words[i].length) fetchFrame(frameAt(here.with(i, next)));
      }
    });
  }

  async function show() {
    const here = stops();
    const frame = frameAt(here);
    here.forEach((stop, i) => {
      sliders[i].setAttribute("aria-valuetext", words[i][stop]);
      readouts[i].textContent = words[i][stop];
    });
    await fetchFrame(frame);
    if (frame !== frameAt(stops())) return; // the slider has moved on meanwhile
    picture.src = address(frame);
    picture.alt = frame[1];
    clearTimeout(telling); // tell where the slider rests, not every stop on its way
    telling = setTimeout(() => (news.textContent = frame[1]), 400);
    fetchNeighbours();
  }

  sliders.forEach((slider) => slider.addEventListener("input", show));
  for (const kind of ["pointerenter", "focusin"]) {
    figure.addEventListener(kind, fetchNeighbours, { once: true });
  }
}

/* ---- other widgets */

const ROOT = document.documentElement.dataset.content_root || "./";

function addScript(source) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src: `${ROOT}vendor/${source}`, onload: resolve, onerror: reject });
    document.head.append(script);
  });
}

async function startWidgets() {
  // The manager speaks to MathJax 2; labels of sliders are plain text.
  window.MathJax = Object.assign(window.MathJax || {}, { Hub: { Queue() {}, Config() {} } });
  window.require = { baseUrl: `${ROOT}vendor/` };
  await addScript("require.js");
  await addScript("@jupyter-widgets/html-manager/dist/embed-amd.js");
}

function whenNear(elements, start) {
  const watcher = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      start();
    },
    { rootMargin: "600px" },
  );
  elements.forEach((element) => watcher.observe(element));
}

document.querySelectorAll(".live").forEach(liveFigure);
const widgets = document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]');
if (widgets.length) whenNear([...widgets].map((widget) => widget.parentElement), startWidgets);
