// What htmx does not do: the theme, keys, ages that tick, whether the server answers, and the chart of a row.
(() => {
  'use strict';
  const root = document.documentElement;
  const stored = localStorage.getItem('theme');
  if (stored) root.dataset.theme = stored;

  // Ages. The server writes times of day, so that an unchanged page stays the same page.
  const spell = s => s < 120 ? Math.round(s) + ' s' : s < 7200 ? Math.round(s / 60) + ' min' : s < 172800 ? Math.round(s / 3600) + ' h' : Math.round(s / 86400) + ' d';
  const tick = () => {
    if (document.hidden) return;
    for (const t of document.querySelectorAll('time[data-age],time[data-since],time[data-due]')) {
      const age = (Date.now() - Date.parse(t.dateTime)) / 1000;
      const text = t.dataset.since ? t.dataset.since + ' · ' + spell(Math.max(0, age)) : spell(Math.max(0, t.dataset.due ? -age : age));
      if (t.firstChild.data !== text) t.firstChild.data = text;
    }
  };

  // The connection.
  let lastAnswer = Date.now();
  const connection = alive => {
    const mark = document.getElementById('connection');
    if (!mark) return;
    if (alive) lastAnswer = Date.now();
    const text = alive ? 'live' : 'no answer since ' + new Date(lastAnswer).toTimeString().slice(0, 8);
    mark.hidden = false;
    mark.classList.toggle('lost', !alive);
    if (mark.textContent !== text) mark.textContent = text;
  };
  const polls = ctx => ctx && ctx.sourceEvent && ctx.sourceEvent.type === 'every';
  document.addEventListener('htmx:before:request', e => {
    if (document.hidden && polls(e.detail.ctx)) e.preventDefault();
  });
  // A fragment that is the one shown is not swapped again.
  document.addEventListener('htmx:before:response', e => {
    const { ctx } = e.detail, tag = ctx.response.headers.get('ETag'), key = ctx.request.action + ' ' + tag;
    connection(ctx.response.status < 500);
    if (polls(ctx) && (ctx.response.status >= 400 || tag && ctx.sourceElement.shownTag === key)) e.preventDefault();
    ctx.sourceElement.shownTag = key;
  });
  document.addEventListener('htmx:error', e => { if (e.detail.ctx) connection(false); });
  // Empty fields stay out of the URL, and another search begins at its first row.
  document.addEventListener('htmx:config:request', e => {
    const { body } = e.detail.ctx.request;
    if (body && e.detail.ctx.request.method === 'GET') for (const [k, v] of [...body]) if (!v) body.delete(k);
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || !window.htmx) return;
    for (const el of document.querySelectorAll('[hx-trigger^="every"]')) htmx.trigger(el, 'every', {}, false);
    tick();
  });

  // Keys.
  let prefix = 0;
  document.addEventListener('keydown', e => {
    if (e.target.closest('input,textarea,select,dialog') || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === '/') {
      const search = document.querySelector('input[type=search]');
      if (search) { search.focus(); search.select(); e.preventDefault(); }
    } else if (e.key === '?') {
      document.getElementById('keys')?.showModal(); // it comes last in the page
    } else if (e.key === 'g') {
      prefix = Date.now();
    } else if (Date.now() - prefix < 1000) {
      const link = document.querySelector(`#pages [data-key="${CSS.escape(e.key)}"]`);
      if (link) link.click();
    }
  });
  document.addEventListener('click', e => {
    if (!e.target.closest('[data-theme-toggle]')) return;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    localStorage.setItem('theme', root.dataset.theme = dark ? 'light' : 'dark');
    chart(true);
  });

  // The chart of a row.
  const prefixes = [[1e12, ' T'], [1e9, ' G'], [1e6, ' M'], [1e3, ' k']];
  const number = v => {
    if (v == null) return '–';
    const [scale, name] = prefixes.find(p => Math.abs(v) >= p[0]) || [1, ''];
    return (v / scale).toFixed(v / scale % 1 ? 1 : 0) + name;
  };
  const pad = n => String(n).padStart(2, '0');
  const date = d => `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
  const moment = form => d => /YYYY|\{M\}/.test(form) && !/mm/.test(form) ? date(d) : d.toTimeString().slice(0, /ss/.test(form) ? 8 : 5);
  let drawn, drawnOf;
  function chart(again) {
    const data = document.getElementById('chart-data'), place = document.getElementById('chart');
    if (!data || !place || !window.uPlot) return;
    const rows = JSON.parse(data.dataset.series), key = data.dataset.row;
    const points = [rows.times, ...rows.lines.map(l => l.values)];
    if (drawn && drawnOf === key && !again && place.contains(drawn.root)) return drawn.setData(points);
    const probe = document.createElement('i');
    place.replaceChildren(probe);
    const color = name => { probe.className = 'color-' + name; return getComputedStyle(probe).color; };
    const axis = { stroke: color('dim'), grid: { stroke: color('line'), width: 1 }, ticks: { show: false } };
    const colors = ['in', 'out', 'ok', 'warn'].map(color);
    place.replaceChildren();
    drawnOf = key;
    drawn = new uPlot({
      width: place.clientWidth, height: 190, fmtDate: moment,
      axes: [{ ...axis, space: 80, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400] }, { ...axis, size: 62, values: (u, v) => v.map(number) }],
      series: [{}, ...rows.lines.map((l, i) => ({ label: l.label, stroke: colors[i % 4], width: 1.5, points: { show: false }, value: (u, v) => number(v) }))],
    }, points, place);
  }
  window.addEventListener('resize', () => { if (drawn) drawn.setSize({ width: document.getElementById('chart').clientWidth, height: 190 }); });

  // What only the script can do is hidden until it runs.
  const ready = () => {
    for (const el of document.querySelectorAll('[data-theme-toggle],.keys')) el.hidden = false;
    connection(true);
    tick();
    chart();
  };
  document.addEventListener('DOMContentLoaded', () => { ready(); setInterval(tick, 1000); });
  document.addEventListener('htmx:after:swap', ready);
})();
