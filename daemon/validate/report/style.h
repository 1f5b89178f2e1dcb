// The report's style sheet. Contrast is at least 4.5:1 for text, 3:1 for marks, in both schemes; nothing is
// told by colour alone.
#pragma once

namespace redflag::daemon::validate {

inline constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;--bg:#fff;--card:#f7f8fa;--ink:#1b1f24;--soft:#57606a;--line:#d5dae1;--grid:#e4e8ed;
--pass:#176f2c;--fail:#b3141d;--open:#7a5200;--passbg:#e3f4e6;--failbg:#fde8e8;--openbg:#fdf3d6;
--train:#1f5fbf;--eval:#b4500f;--s3:#7a3fb0;--s4:#0b7468;--band:#cfe8d4}
@media (prefers-color-scheme:dark){:root{--bg:#12161b;--card:#1a2027;--ink:#e6eaef;--soft:#a3adb8;--line:#343c46;--grid:#28303a;
--pass:#6fd087;--fail:#ff8d8d;--open:#f0c25a;--passbg:#15301d;--failbg:#3b191c;--openbg:#352a10;
--train:#76aefc;--eval:#f5a35c;--s3:#c79bf2;--s4:#5cc9ba;--band:#1f4229}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1200px;margin:0 auto;padding:1rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
h3{font-size:1rem;margin:0}
p{margin:.4rem 0}
.soft,.state,caption{color:var(--soft)}
.sum{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0;padding:0;list-style:none}
.sum li{border-radius:.5rem;padding:.5rem .9rem;font-size:1.05rem}
.sum b{font-size:1.4rem;margin-right:.3rem}
.pass{background:var(--passbg);color:var(--pass)}.fail{background:var(--failbg);color:var(--fail)}
.not{background:var(--openbg);color:var(--open)}
.lines{list-style:none;margin:0;padding:0}
.lines>li{display:grid;grid-template-columns:7.2rem 1fr;gap:0 .8rem;padding:.55rem 0;border-bottom:1px solid var(--line)}
.badge{align-self:start;border-radius:.4rem;padding:.1rem .5rem;font-size:.82rem;font-weight:600;text-align:center;white-space:nowrap}
.say{color:var(--soft);overflow-wrap:anywhere}
.ev{margin:.4rem 0;padding-left:1.1rem;overflow-wrap:anywhere}
.do{margin:.4rem 0 0;padding:.3rem .7rem;border-left:3px solid var(--line);overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(330px,100%),1fr));gap:1rem}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.7rem;break-inside:avoid;min-width:0}
figcaption{font-size:.9rem;overflow-wrap:anywhere}
svg{display:block;width:100%;height:auto}
svg text{font:11px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--soft)}
svg .label{fill:var(--ink);font-size:12px;paint-order:stroke;stroke:var(--card);stroke-width:3px}
.axis{stroke:var(--soft)}line.grid{stroke:var(--grid)}
.curve{fill:none;stroke-width:1.6;stroke-linejoin:round}
.train,.curve.s1{stroke:var(--train)}.curve.eval,.curve.s2{stroke:var(--eval)}
.curve.eval,.curve.s2{stroke-dasharray:6 3}.curve.s3{stroke:var(--s3);stroke-dasharray:2 3}.curve.s4{stroke:var(--s4);stroke-dasharray:9 3 2 3}
.dot{fill:var(--train)}.dot.base{fill:var(--bg);stroke:var(--soft);stroke-width:1.6}
.dot.eval,.dot.s2{fill:var(--eval)}.dot.s3{fill:var(--s3)}.dot.s4{fill:var(--s4)}
.band{fill:var(--band)}.limit{stroke:var(--fail);stroke-dasharray:4 3;stroke-width:1.4}
.ok{fill:var(--pass)}.open{fill:var(--bg);stroke:var(--open);stroke-width:1.6}
.missing{fill:none;stroke:var(--fail);stroke-width:1.6;stroke-dasharray:2 2}
.flag{fill:var(--fail)}.flag.warn{fill:var(--open)}.flag-line{fill:none;stroke:var(--fail);stroke-width:1.8}
.flag-rule{stroke:var(--fail);stroke-width:1;stroke-dasharray:2 3;opacity:.7}
.key{white-space:nowrap}.key::before{content:"";display:inline-block;width:1.4em;margin:0 .3em 0 .7em;vertical-align:middle;border-top:3px solid var(--train)}
.key.eval::before,.key.s2::before{border-top:3px dashed var(--eval)}.key.s3::before{border-top:3px dotted var(--s3)}.key.s4::before{border-top:3px dashed var(--s4)}
.notes{margin:.3rem 0 0;padding-left:1.1rem;font-size:.85rem;color:var(--fail)}
.bad-word{color:var(--fail);font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;width:100%;margin:.4rem 0}
caption{text-align:left;font-size:.85rem;padding:.2rem 0}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
summary{cursor:pointer;color:var(--soft);font-size:.85rem;padding:.2rem 0}
:focus-visible{outline:2px solid var(--train);outline-offset:2px}
@media (max-width:560px){.lines>li{grid-template-columns:1fr}.badge{justify-self:start;margin-bottom:.25rem}main{padding:.6rem .7rem 3rem}
.stacks thead{display:none}.stacks,.stacks caption,.stacks tbody,.stacks tr,.stacks td{display:block}.stacks tr{padding:.4rem 0;border-bottom:1px solid var(--line)}
.stacks td,.stacks td.n{border:0;padding:.05rem 0;text-align:left;white-space:normal;overflow-wrap:anywhere}.stacks td::before{content:attr(data-name) ": ";color:var(--soft)}}
@media print{body{font-size:11pt}main{max-width:none;padding:0}.cards{grid-template-columns:repeat(2,1fr)}details:not([open]){display:none}
.lines>li{break-inside:avoid}a{color:inherit}}
)css";

}  // namespace redflag::daemon::validate
