// The style of the report page. Private to page.cpp.
#pragma once

namespace bedplate::report {

// Light, dark by the reader's wish, and paper. Widths in em and percent, so that a phone shows one column.
inline constexpr const char* kPageStyle = R"css(
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2127;--soft:#5d6873;--line:#d9dee3;--card:#f6f8fa;--a:#2f6fb0;
--b:#b06a1f;--bad:#c0392b;--ok:#2e7d46;--warn:#a86a00}
@media (prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#e3e7ea;--soft:#9aa5ae;--line:#333b43;--card:#1c2227;
--a:#6aa9e6;--b:#e0a35c;--bad:#f07167;--ok:#6fca8b;--warn:#e6b450}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.2em;max-width:62em;background:var(--bg);color:var(--fg);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif}
h1{font-size:1.6em;line-height:1.2;margin:.2em 0}
h2{font-size:1.15em;margin:1.8em 0 .5em;padding-top:.6em;border-top:1px solid var(--line)}
p{margin:.4em 0;max-width:48em}
.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(17em,1fr));gap:.8em;margin:1em 0}
.tile{background:var(--card);border:1px solid var(--line);border-left:.4em solid var(--soft);border-radius:.4em;
padding:.7em .9em}
.tile b{font-size:1.25em}
.fit{border-left-color:var(--ok)}.fit b{color:var(--ok)}
.marginal{border-left-color:var(--warn)}.marginal b{color:var(--warn)}
.unfit{border-left-color:var(--bad)}.unfit b{color:var(--bad)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(20em,1fr));gap:.8em}
figure{margin:0;padding:.6em;background:var(--card);border:1px solid var(--line);border-radius:.4em;
break-inside:avoid}
figcaption{font-weight:600;margin-bottom:.3em}
figcaption span{font-weight:400;color:var(--soft)}
svg{display:block;width:100%;height:auto;font:11px system-ui,"Noto Sans","Liberation Sans",sans-serif}
.axis{stroke:var(--soft);stroke-width:1}.grid{stroke:var(--line);stroke-width:1}
.tick{fill:var(--soft)}
.limit{stroke:var(--bad);stroke-width:1;stroke-dasharray:4 3}.limit-text{fill:var(--bad)}
.limit-text,.mark-text{paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}
.mark{stroke:var(--fg);stroke-width:1}.mark-text{fill:var(--fg);font-weight:600}
.fill-a{fill:var(--a)}.fill-b{fill:var(--b)}.fill-c{fill:var(--ok)}.fill-bad{fill:var(--bad)}
.stroke-a,.stroke-b{fill:none;stroke-width:1.4;stroke-linejoin:round}
.stroke-a{stroke:var(--a)}.stroke-b{stroke:var(--b)}.stroke-c{stroke:var(--ok)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.25em .9em .25em 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft)}
td.n,th.n{text-align:right;white-space:nowrap}
.bar{display:block;height:.5em;min-width:6em;background:var(--line);border-radius:.25em;overflow:hidden;
margin-top:.5em}
.bar i{display:block;height:100%;background:var(--a)}.bar i.high{background:var(--bad)}
.bad{color:var(--bad)}
@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;--card:#fff;--a:#2f6fb0;
--b:#b06a1f;--bad:#c0392b;--ok:#2e7d46;--warn:#a86a00}
body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}tr,.tile{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";

}  // namespace bedplate::report
