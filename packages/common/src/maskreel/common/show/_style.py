"""The style sheet of report pages: readable on a phone, on a desk and on paper, in light and dark."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d232b; --soft: #5b6673; --paper: #ffffff; --line: #dde2e8; --band: #f5f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ed; --soft: #9aa6b3; --paper: #14181d; --line: #303842; --band: #1c2229; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 68rem; padding: 2rem clamp(1rem, 4vw, 3rem) 4rem;
  background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, Arial, sans-serif;
}
h1 { margin: 0 0 1rem; font-size: 1.8rem; line-height: 1.2; }
h2 { margin: 2.4rem 0 .8rem; padding-top: 1.2rem; border-top: 1px solid var(--line); font-size: 1.3rem; }
h3 { margin: 1.6rem 0 .6rem; font-size: 1.05rem; }
p { margin: .6rem 0; max-width: 44rem; overflow-wrap: anywhere; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .9rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
tbody th { color: var(--soft); font-weight: 400; }
thead th { background: var(--band); }
.number { text-align: right; }
figure { margin: 1rem 0; min-width: 0; }
figure img, figure video { display: block; max-width: 100%; height: auto; border-radius: 4px; }
figcaption { margin-top: .35rem; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.row, .films { display: grid; gap: 1rem; margin: 1rem 0; }
.row { grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
.films { grid-template-columns: repeat(auto-fit, minmax(min(100%, 9.5rem), 1fr)); }
.row figure, .films figure { margin: 0; }
.row img, .films img, .films video { width: 100%; }
pre {
  margin: .8rem 0; padding: .7rem 1rem; overflow-x: auto; border-radius: 4px; background: var(--band);
  font: .88rem/1.6 ui-monospace, Menlo, Consolas, monospace;
}
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: .2em; }
@media print { body { max-width: none; padding: 0; } figure { break-inside: avoid; } }
""".strip()
