// The two things on the live page that only a browser knows: the viewer's clock, and whether the stream still comes.
"use strict";

(() => {
  const SILENCE_MS = 40_000; // signs of life come every 15 s
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  let serverAhead = 0; // ms
  let connection = null;
  let watchdog = 0;

  const elapsed = (since) => {
    const seconds = Math.max(0, Math.floor((Date.now() + serverAhead - since) / 1000));
    const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
    if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
  };

  const local = (moment) =>
    (moment.toDateString() === new Date().toDateString() ? clock : dayAndClock).format(moment);

  const showTimes = () => {
    for (const time of document.querySelectorAll("time[data-since]")) {
      time.textContent = elapsed(new Date(time.dateTime));
    }
    for (const time of document.querySelectorAll("time[data-clock]")) {
      const moment = new Date(time.dateTime);
      time.textContent = local(moment);
      time.title = moment.toISOString();
    }
  };

  const show = (state, words) => {
    const sign = document.getElementById("connection");
    if (sign.dataset.state === state) return;
    sign.dataset.state = state;
    sign.textContent = words;
  };

  const heard = () => {
    show("live", "Live");
    clearTimeout(watchdog);
    watchdog = setTimeout(() => connection?.reader?.cancel(), SILENCE_MS);
  };

  const lost = (event) => {
    if ((event.detail.status ?? event.detail.ctx?.response?.status) === 401) location.reload();
    show("lost", "Connection lost, trying again…");
  };

  document.addEventListener("htmx:sse:after:connection", (event) => {
    connection = event.detail.connection;
    if (connection.status === 200) heard();
  });
  document.addEventListener("tick", (event) => {
    serverAhead = Number(event.detail.data) - Date.now();
    heard();
  });
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (event.detail.connection.attempt > 0 && !document.hidden) show("lost", "Connection lost, trying again…");
  });
  for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:response:error", "htmx:error"]) {
    document.addEventListener(name, lost);
  }
  document.addEventListener("htmx:after:swap", showTimes);
  setInterval(showTimes, 1000);
  showTimes();
})();
