// SPDX-License-Identifier: Apache-2.0

/** The whole style of our pages: a phone, a desk and paper. Outcomes differ by word and shape, not by colour alone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0;
  --denied: #b42318; --error: #8a5300; --allowed: #1a6b3c; --focus: #0b57d0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1d2126; --ink: #e8ebee; --soft: #a3adb8; --line: #363c44;
    --denied: #ff8a7a; --error: #f0b75b; --allowed: #6fd196; --focus: #8ab4f8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
header, main, footer { max-width: 60rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; }
header p { margin: .4rem 0 0; overflow-wrap: anywhere; }
.soft, footer { color: var(--soft); }
fieldset {
  margin: 1.5rem 0; padding: 0; border: 0; min-width: 0;
  display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .6rem;
}
legend { padding: 0; margin-bottom: .4rem; color: var(--soft); font-size: .9rem; }
fieldset label {
  position: relative; padding: .6rem .9rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; cursor: pointer;
}
fieldset b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
fieldset input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
fieldset label:has(:checked) { border-color: currentcolor; box-shadow: inset 0 0 0 1px currentcolor; }
fieldset label:has(:focus-visible) { outline: 3px solid var(--focus); outline-offset: 2px; }
nav { margin: 1.2rem 0 0; display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .6rem; }
nav a {
  padding: .6rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  text-decoration: none; overflow-wrap: anywhere;
}
nav a:hover { border-color: currentcolor; }
nav b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
nav span { display: block; color: var(--soft); font-size: .9rem; }
nav a[class] span { color: var(--tone); }
.state { margin: 1.2rem 0 0; overflow-wrap: anywhere; }
.state strong { margin-right: .5rem; color: var(--tone); }
.denied { --tone: var(--denied); } .error { --tone: var(--error); } .allowed { --tone: var(--allowed); }
fieldset label[class] b { color: var(--tone); }
body:has(#show-denied:checked) .judged :is(li, tbody tr):not(.denied),
body:has(#show-error:checked) .judged :is(li, tbody tr):not(.error),
body:has(#show-allowed:checked) .judged :is(li, tbody tr):not(.allowed), .unfit { display: none !important; }
.search input {
  width: min(100%, 26rem); padding: .5rem .8rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem;
}
:is(button, summary, a, input[type=search]):focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
ol { list-style: none; margin: 0; padding: 0; display: grid; gap: .8rem; }
li {
  min-width: 0; padding: .9rem 1.1rem 1rem; background: var(--card);
  border: 1px solid var(--line); border-left: .35rem solid var(--tone); border-radius: .6rem;
}
ol.cards { grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
h2 { margin: 2rem 0 .8rem; font-size: 1.2rem; line-height: 1.25; }
li:target { outline: 3px solid var(--focus); }
details {
  margin: 0 0 .8rem; padding: .7rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  overflow-wrap: anywhere;
}
summary { cursor: pointer; font-weight: 600; }
summary .soft { font-weight: 400; }
table { width: 100%; margin-top: .5rem; border-collapse: collapse; table-layout: fixed; font-size: .9rem; }
th { color: var(--soft); font-weight: 400; }
th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
td strong { color: var(--tone); }
a { color: inherit; }
.command { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; font-size: .9rem; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; min-width: 0; overflow-wrap: anywhere; user-select: all; }
button {
  padding: .15rem .7rem; font: inherit; color: inherit; background: var(--paper); cursor: pointer;
  border: 1px solid var(--line); border-radius: .4rem;
}
h3 {
  margin: .3rem 0 0; font: 600 1rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere;
}
.verdict { margin: 0; display: flex; flex-wrap: wrap; gap: .2rem .7rem; align-items: baseline; font-size: .9rem; }
.verdict strong { color: var(--tone); }
li > p { margin: .5rem 0 0; overflow-wrap: anywhere; }
dl { margin: .7rem 0 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; font-size: .9rem; }
dd b { color: var(--error); }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
li > p.soft { font-size: .9rem; }
footer { margin-top: 2rem; font-size: .9rem; overflow-wrap: anywhere; }
@media (max-width: 34rem) {
  fieldset { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  nav { grid-template-columns: 1fr; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #999;
    --denied: #8f1d13; --error: #6b4100; --allowed: #14532d; }
  body { padding: 0; font-size: 10pt; }
  header, main, footer { max-width: none; }
  fieldset label { padding: .3rem .6rem; }
  .search, button { display: none; }
  li { break-inside: avoid; padding: .5rem .8rem; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
