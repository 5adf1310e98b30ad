"use strict";
(() => {
  const root = document.documentElement;
  const players = new Map();
  const rows = [...document.querySelectorAll(".segments tbody tr")];
  let stopAt = null; // where the segment being played ends
  let pressed = null; // its button

  const clock = (s) => {
    const minutes = Math.floor(s / 60);
    return `${minutes}:${(s - minutes * 60).toFixed(1).padStart(4, "0")}`;
  };

  // --- language and light -------------------------------------------------------------------------
  const speak = (lang) => {
    root.dataset.lang = lang;
    root.lang = lang === "zh" ? "zh-CN" : "en";
    for (const named of document.querySelectorAll("[data-en]")) {
      named.setAttribute("aria-label", named.dataset[lang]);
    }
    for (const button of document.querySelectorAll("[data-lang-button]")) {
      button.setAttribute("aria-pressed", String(button.dataset.langButton === lang));
    }
  };
  for (const button of document.querySelectorAll("[data-lang-button]")) {
    button.addEventListener("click", () => speak(button.dataset.langButton));
  }
  document.getElementById("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  });

  // --- players ------------------------------------------------------------------------------------
  const endSegment = () => {
    stopAt = null;
    if (pressed) pressed.classList.remove("on");
    pressed = null;
  };

  const spansOf = (start, end) => rows
    .filter((row) => start in row.dataset)
    .map((row) => ({ row, start: Number(row.dataset[start]), end: Number(row.dataset[end]) }));
  const spans = { before: spansOf("start", "end"), after: spansOf("againStart", "againEnd") };

  const rowAt = (name, time) => {
    const found = spans[name].find((span) => span.start <= time && time < span.end);
    return found ? found.row : null;
  };

  for (const timeline of document.querySelectorAll(".timeline")) {
    const name = timeline.dataset.player;
    const audio = document.getElementById(`audio-${name}`);
    const seek = timeline.querySelector(".seek");
    const head = timeline.querySelector(".head");
    const scroller = timeline.parentElement;
    const duration = Number(timeline.dataset.duration);
    let current = null;

    const show = () => {
      const time = Math.min(audio.currentTime, duration);
      head.style.left = `${(time / duration) * 100}%`;
      seek.setAttribute("aria-valuenow", time.toFixed(1));
      seek.setAttribute("aria-valuetext", clock(time));
      const row = audio.paused ? null : rowAt(name, time);
      if (row !== current) {
        if (current) current.classList.remove("now");
        if (row) row.classList.add("now");
        current = row;
      }
      if (!audio.paused) {
        const x = seek.offsetLeft + (time / duration) * seek.offsetWidth;
        if (x < scroller.scrollLeft || x > scroller.scrollLeft + scroller.clientWidth - 8) {
          scroller.scrollLeft = x - scroller.clientWidth * 0.2;
        }
      }
    };
    const follow = () => {
      if (stopAt !== null && stopAt.audio === audio && audio.currentTime >= stopAt.time) {
        audio.pause();
        endSegment();
      }
      show();
      if (!audio.paused) requestAnimationFrame(follow);
    };
    const go = (time) => {
      endSegment();
      audio.currentTime = Math.min(Math.max(time, 0), duration);
      show();
    };

    audio.addEventListener("play", () => {
      for (const other of players.values()) if (other !== audio) other.pause();
      requestAnimationFrame(follow);
    });
    for (const event of ["pause", "seeked", "ended"]) audio.addEventListener(event, show);
    // A page in the background gets no frames, and a segment must end there too.
    audio.addEventListener("timeupdate", () => document.hidden && follow());

    seek.addEventListener("click", (event) => {
      const box = seek.getBoundingClientRect();
      go(((event.clientX - box.left) / box.width) * duration);
    });
    seek.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
      if (event.key in steps) go(audio.currentTime + steps[event.key]);
      else if (event.key === "Home") go(0);
      else if (event.key === "End") go(duration);
      else if (event.key === " " || event.key === "Enter") {
        if (audio.paused) audio.play(); else audio.pause();
      } else return;
      event.preventDefault();
    });
    players.set(name, audio);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-play]");
    if (!button) return;
    const name = button.dataset.play;
    const audio = players.get(name);
    if (button === pressed) {
      audio.pause();
      endSegment();
      return;
    }
    const row = button.closest("tr");
    endSegment();
    const after = name === "after";
    audio.currentTime = Number(after ? row.dataset.againStart : row.dataset.start);
    stopAt = { audio, time: Number(after ? row.dataset.againEnd : row.dataset.end) };
    pressed = button;
    button.classList.add("on");
    audio.play();
  });
})();
