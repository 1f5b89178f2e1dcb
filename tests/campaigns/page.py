"""The live page of a real redflagd, in Chromium: first over the demo's simulated W&B while its runs go on, then over
a store of 5,000 runs of 20 metrics. Each check says what it saw; screenshots go to docs/images.

usage: page.py BIN [--no-pictures] [--runs N]
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

from webdriver import Browser

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURES = os.path.join(HERE, "../../docs/images")
CHECKS = open(os.path.join(HERE, "page_checks.js"), encoding="utf-8").read()
FAILING = "full_ft_sst2_seed999_failed"
VIEWS = ["", "runs", "alerts", "files", "health"]

failures = []


def check(what, good, saw=""):
    print(f"{'ok  ' if good else 'FAIL'}  {what}{f' ({saw})' if saw != '' else ''}", flush=True)
    if not good:
        failures.append(what)


def environment(home):
    return {"PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"}


def redflag(binaries, state, *words, good=(0,)):
    done = subprocess.run([f"{binaries}/redflag", *words, "--socket", f"{state}/redflag.sock"], capture_output=True,
                          text=True, env=environment(state), timeout=60)
    if done.returncode not in good:
        raise RuntimeError(f"redflag {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def go(browser, base, view):
    """To a view, by its address; waits until it is drawn."""
    browser.js("window.location.hash = arguments[0]", "/" + view)
    browser.wait(f"view {view}", "return location.hash === arguments[0] && !document.querySelector('main[aria-busy]')"
                 " && document.querySelector('main h1') !== null", "#/" + view)
    time.sleep(0.3)


def run_view(key):
    return "run/" + urllib.parse.quote(key, safe="")


def quiet(browser, where):
    said = browser.complaints()
    check(f"nothing on the console: {where}", not said, "; ".join(said)[:600])


def only_here(browser, origin, where):
    urls, received = browser.requests()
    foreign = [u for u in urls if not u.startswith((origin, "data:", "chrome:", "about:"))]
    check(f"no request leaves for another host: {where}", not foreign and urls, f"{len(urls)} requests, {foreign[:3] if foreign else 'none foreign'}")
    return len(urls), received


def accessible(browser, where):
    found = browser.js(CHECKS)
    check(f"contrast, names, structure, width: {where}", not found["wrong"],
          f"{found['texts']} texts, least contrast {found['least']:.2f}" + "".join(f"; {w}" for w in found["wrong"][:6]))


def sign_in(browser, url):
    origin = url[:url.index("/login")]
    browser.open(origin + "/")
    check("the bare address asks to sign in", "redflag page" in browser.js("return document.body.textContent"))
    accessible(browser, "sign-in page")
    browser.open(url)
    browser.wait("the page", "return document.querySelector('nav') !== null")
    base = browser.js("return location.href").split("#")[0]
    check("the login address leads in, and is not kept in the address", re.fullmatch(origin + "/[0-9a-f]{16}/", base), "")
    check("scripts cannot read the session", browser.js("return document.cookie") == "")
    browser.open(url)
    check("the same address does not work twice", "used before" in browser.wait("words", "return document.body.textContent"))
    browser.open(origin + "/")
    browser.wait("being led in", "return document.querySelector('nav') !== null")
    check("who is signed in and types the bare address is led in", browser.js("return location.href").startswith(base))
    return origin, base


def live_curves(browser, base, key):
    go(browser, base, run_view(key))
    browser.wait("a curve", "return Number(document.querySelector('[data-chart=Loss]')?.dataset.points) > 3", seconds=60)
    first = browser.js("const d = document.querySelector('[data-chart=Loss]').dataset; return [Number(d.points), Number(d.last)]")
    browser.js("window.stays = true")
    browser.wait("growth", "return Number(document.querySelector('[data-chart=Loss]').dataset.last) > arguments[0]", first[1])
    then = browser.js("const d = document.querySelector('[data-chart=Loss]').dataset; return [Number(d.points), Number(d.last)]")
    check("a curve appears and grows without a reload", browser.js("return window.stays === true"),
          f"{first[0]} points to step {first[1]}, then {then[0]} to {then[1]}")
    drawn = browser.js("""const c = document.querySelector('[data-chart=Loss] canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n;""")
    check("it is really drawn", drawn > 500, f"{drawn} pixels")


def flagged(browser, base, key):
    go(browser, base, run_view(key))
    browser.wait("marks", "return document.querySelectorAll('.marks .mark').length > 0", seconds=60)
    marks = browser.js("return [...document.querySelectorAll('.marks .mark')].map(m => m.getAttribute('aria-label'))")
    check("flagged points are marked on the curves", any("loss-too-high" in m for m in marks), "; ".join(marks)[:200])
    browser.js("[...document.querySelectorAll('.marks .mark')].find(m => m.getAttribute('aria-label').includes('loss-too-high')).focus()")
    time.sleep(2.5)  # the curve is drawn anew meanwhile
    browser.press("Enter")
    told = browser.js("return document.activeElement.matches('.flagged') ? document.activeElement.textContent : 'not there'")
    check("a mark leads to its explanation, by keyboard", "loss-too-high" in told and "try:" in told, told[:160])


def acknowledge(browser, base, binaries, state):
    go(browser, base, "alerts")
    before = json.loads(redflag(binaries, state, "alerts", "--json"))["alerts"]
    wanted = next(a for a in before if a["run"] == FAILING and a["state"] == "firing")
    button = f"[data-id='ack {wanted['id']}']"
    browser.js("document.querySelector(arguments[0]).focus()", button)
    browser.press("Enter")
    browser.wait("the dialog", "return document.querySelector('dialog[open]') !== null")
    accessible(browser, "acknowledge dialog")
    browser.press("Escape")
    browser.wait("Escape closes it", "return document.querySelector('dialog') === null")
    check("Escape closes the dialog and the focus is back", browser.js("return document.activeElement.dataset.id") == f"ack {wanted['id']}")
    browser.press("Enter")
    browser.wait("the dialog", "return document.querySelector('dialog[open]') !== null")
    browser.type("#ack-comment", "lower rate <b>tomorrow</b>\ue007")
    browser.wait("the alert says so", "return document.querySelector('[data-alert=\"' + arguments[0] + '\"]').textContent.includes('acknowledged by page')", wanted["id"])
    now = next(a for a in json.loads(redflag(binaries, state, "alerts", "--json"))["alerts"] if a["id"] == wanted["id"])
    check("an alert is acknowledged, by \"page\"", now["acknowledged"]["by"] == "page" and "tomorrow" in now["acknowledged"]["comment"],
          now["acknowledged"]["comment"])
    return wanted


def silence(browser, base, binaries, state, alert):
    go(browser, base, "alerts")
    same = browser.js("""const b = document.querySelector(arguments[0]); return new Promise(r => setTimeout(() => r(b.isConnected), 3000))""",
                      f"[data-id='silence {alert['id']}']")
    check("what has not changed is not taken away from under the mouse", same)
    browser.click(f"[data-id='silence {alert['id']}']")
    browser.wait("the preview", "return document.querySelector('dialog [role=status]')?.textContent.startsWith('Mutes')")
    accessible(browser, "silence dialog")
    browser.js("const s = document.querySelector('#silence-what'); s.value = 'all-run'; s.dispatchEvent(new Event('change'))")
    time.sleep(0.3)
    preview = browser.js("return document.querySelector('dialog [role=status]').textContent")
    browser.type("#silence-comment", "expected")
    browser.click("dialog .primary")
    browser.wait("the silence", "return document.querySelector('dialog') === null && document.body.textContent.includes('End it')")
    made = json.loads(redflag(binaries, state, "silence", "list", "--json"))["silences"]
    check("a silence is made, by \"page\"", made and made[0]["author"] == "page" and made[0]["comment"] == "expected", f"{preview} {made[0]['matchers'] if made else ''}")
    browser.wait("muted words", "return document.querySelector('[data-alert=\"' + arguments[0] + '\"]').textContent.includes('nobody is told')", alert["id"])
    browser.click("[data-id^='end ']")
    browser.wait("its end", "return !document.body.textContent.includes('End it')")
    check("and ended", json.loads(redflag(binaries, state, "silence", "list", "--json"))["total"] == 0)


def keyboard(browser, base):
    for view in ["", "runs", "alerts"]:
        go(browser, base, view)
        browser.js("document.querySelector('.skip').focus()")
        # What stands in one row of a long list is as good as what stands in the next.
        expected = browser.js("""window.nameOf = (e) => e.dataset.id || e.id || e.getAttribute('href') || e.getAttribute('aria-label') || e.textContent.trim();
            return [...new Set([...document.querySelectorAll('a[href], button:not(:disabled), input, select, [tabindex="0"]')].filter(e => e.checkVisibility()).map(nameOf))]""")
        reached, unseen = ["#main"], []
        for _ in range(len(expected) * 2 + 5):
            browser.press("Tab")
            at = browser.js("""const e = document.activeElement; if (e === document.body) return null; const s = getComputedStyle(e);
                return [nameOf(e), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]""")
            if at is None or at[0] == reached[0]:
                break
            reached.append(at[0])
            if not at[1]:
                unseen.append(at[0])
        missed = [e for e in expected if e not in reached]
        check(f"Tab reaches everything and shows where it is: {view or 'overview'}", not missed and not unseen,
              f"{len(set(reached))} of {len(expected)}; missed {missed[:4]}, unseen {unseen[:4]}")
    go(browser, base, "")
    browser.js("document.querySelector('nav a[href=\"#/runs\"]').focus()")
    browser.press("Enter")
    browser.wait("the runs", "return document.querySelector('h1')?.textContent === 'Runs'")
    check("a view is opened by Enter, and the focus goes there", browser.js("return document.activeElement.id") == "main")


def neutral(browser, directory):
    """Names of this machine and its directories do not belong into pictures."""
    browser.js("""const [from, to] = [arguments[0], arguments[1]]; const w = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (w.nextNode()) from.forEach((f, i) => { if (w.currentNode.data.includes(f)) w.currentNode.data = w.currentNode.data.replaceAll(f, to[i]); });""",
               [directory + "/results", directory, socket.gethostname()], ["/data/results", "/data", "training-vm"])


def looks(browser, heights, calm=False):
    """Desktop and phone, light and dark, one after the other: (device, width, scheme). `calm`: without motion in the dark."""
    for device, width, height in zip(("desktop", "phone"), (1280, 390), heights):
        for scheme in ("light", "dark"):
            browser.size(width, height, device == "phone")
            browser.scheme(scheme == "dark", calm=calm and scheme == "dark")
            yield device, width, scheme
    browser.size(1280, 860)
    browser.scheme(False)


def picture(browser, directory, name, most):
    neutral(browser, directory)
    path = f"{PICTURES}/{name}.png"
    browser.picture(path)
    check(f"picture {name}.png", os.path.getsize(path) < most, f"{os.path.getsize(path) // 1000} kB")


def pictures(browser, base, key, directory):
    os.makedirs(PICTURES, exist_ok=True)
    for device, _, scheme in looks(browser, (860, 844)):
        for view, name in [("", "overview"), (run_view(key), "run"), ("files", "files"), ("alerts", "alerts")]:
            if name in ("files", "alerts") and ((scheme == "dark") != (device == "phone")):
                continue  # one of each is enough
            go(browser, base, view)
            time.sleep(1.0)
            picture(browser, directory, f"page-{name}-{device}-{scheme}", 200_000)


def report(browser, binaries, state, directory, wants_pictures):
    """The file of `redflag validate --html`: it asks for nothing, says nothing on the console, and reads well."""
    path = directory + "/report.html"
    redflag(binaries, state, "validate", "--html", path, good=(0, 1, 2))  # a failing run is part of the demo
    browser.requests()
    for device, width, scheme in looks(browser, (1600, 1600)):
        browser.open("file://" + path)
        time.sleep(0.5)
        wide = browser.js("return document.documentElement.scrollWidth")
        check(f"the report fits, {device}, {scheme}", wide <= width, f"{wide} px")
        if wants_pictures:
            picture(browser, directory, f"report-{device}-{scheme}", 400_000)
    urls, _ = browser.requests()
    asked = [url for url in urls if url != "file://" + path and not url.startswith("data:")]
    check("the report asks for nothing else", not asked, " ".join(asked))
    quiet(browser, "the report")


def everywhere(browser, base, key, what):
    for device, _, scheme in looks(browser, (844, 844), calm=True):
        for view in [*VIEWS, run_view(key)]:
            go(browser, base, view)
            accessible(browser, f"{what}, {view.split('/')[0] or 'overview'}, {device}, {scheme}")


def demo(binaries, wants_pictures):
    directory = tempfile.mkdtemp(prefix="redflag-page-")
    state = directory + "/state"
    child = subprocess.Popen([f"{binaries}/redflag", "demo", "--keep", "--seconds", "60", "--directory", directory],
                             stdout=subprocess.PIPE, text=True, env=environment(directory))
    browser = Browser()
    try:
        for line in child.stdout:
            if line.startswith("live page: "):
                url = line.split()[-1]
                break
        log = open(directory + "/demo.log", "w", encoding="utf-8")
        subprocess.Popen(["cat"], stdin=child.stdout, stdout=log)
        browser.size(1280, 860)
        origin, base = sign_in(browser, url)
        quiet(browser, "signing in")
        overview = browser.wait("runs", "return fetch('v1/overview?runs=100').then(r => r.json()).then(o => o.runs.length >= 5 ? o : null)", seconds=60)
        keys = {r["name"]: r["key"] for r in overview["runs"]}
        live_curves(browser, base, keys["full_ft_sst2_seed42"])
        browser.wait("the failing run's alerts", "return fetch('v1/alerts?state=firing').then(r => r.json()).then(a => a.alerts.some(x => x.rule === 'loss-too-high'))", seconds=90)
        flagged(browser, base, keys[FAILING])
        quiet(browser, "live")
        browser.wait("the end of the runs", "return fetch('v1/overview').then(r => r.json()).then(o => o.running === 0)", seconds=120)
        time.sleep(3)
        keyboard(browser, base)
        everywhere(browser, base, keys[FAILING], "demo")
        if wants_pictures:
            pictures(browser, base, keys[FAILING], directory)
        report(browser, binaries, state, directory, wants_pictures)
        browser.open(base)
        go(browser, base, "")
        alert = acknowledge(browser, base, binaries, state)
        silence(browser, base, binaries, state, alert)
        check("the connection is shown as live", browser.js("return document.getElementById('connection').textContent") == "live")
        quiet(browser, "all views")
        only_here(browser, origin, "demo")
        child.send_signal(signal.SIGINT)
        child.wait(timeout=30)
        words = browser.wait("the loss of the connection", "const t = document.getElementById('connection').textContent; return t.startsWith('not connected since') ? t : null")
        check("without the daemon the page says since when", True, words)
        token = open(state + "/page_token", encoding="utf-8").read()
        told = open(directory + "/demo.log", encoding="utf-8").read()
        check("the token is in no log", token not in told and url.split("=")[1] not in told)
    finally:
        browser.close()
        if child.poll() is None:
            child.kill()
        shutil.rmtree(directory, ignore_errors=True)


def rss(pid):
    text = open(f"/proc/{pid}/status", encoding="ascii").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) // 1024


def many(binaries, runs):
    directory = tempfile.mkdtemp(prefix="redflag-page-")
    state = directory + "/state"
    os.mkdir(state, 0o700)
    started = time.monotonic()
    subprocess.run([f"{binaries}/redflag_page_store", state, str(runs), "20", "40"], check=True)
    print(f"      a store of {runs} runs, 20 metrics, 40 rows each: {os.path.getsize(state + '/redflag.db') >> 20} MiB, made in {time.monotonic() - started:.0f} s")
    with open(directory + "/redflag.yaml", "w", encoding="utf-8") as file:
        file.write(f"wandb: {{enabled: false}}\npage: {{listen: 127.0.0.1:0}}\nstore: {{state_directory: {state}}}\napi: {{socket: {state}/redflag.sock}}\n")
    started = time.monotonic()
    log = open(directory + "/log", "w", encoding="utf-8")
    daemon = subprocess.Popen([f"{binaries}/redflagd", "--config", directory + "/redflag.yaml"], env=environment(directory), stderr=log, stdout=log)
    browser = Browser()
    try:
        url = ""
        while not url:
            try:
                url = redflag(binaries, state, "page").strip()
            except RuntimeError:
                time.sleep(0.2)
                if daemon.poll() is not None or time.monotonic() - started > 120:
                    raise
        before = rss(daemon.pid)
        print(f"      redflagd answers after {time.monotonic() - started:.1f} s with {before} MiB resident")
        browser.size(1280, 860)
        origin, base = sign_in(browser, url)
        browser.requests()
        for view, ready in [("", ".next"), ("runs", "table.runs tbody tr:nth-child(50)")]:
            browser.cdp("Network.clearBrowserCache")
            browser.open("about:blank")
            browser.requests()
            browser.open(base + "#/" + view)
            shown = browser.wait("the table", "return document.querySelector(arguments[0]) ? performance.now() : 0", ready)
            paint = browser.js("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
            time.sleep(1)
            count, received = only_here(browser, origin, f"{runs} runs, {view or 'overview'}")
            print(f"      {view or 'overview'}, empty cache: first paint {paint:.0f} ms, content in sight at most {shown:.0f} ms, {received / 1000:.0f} kB in {count} requests")
        nodes = browser.js("return document.querySelectorAll('*').length")
        check("the table of all runs is cut into pages", nodes < 3000, f"{nodes} elements")
        accessible(browser, f"{runs} runs")
        hostile(browser, base)
        go(browser, base, run_view("api.wandb.ai/demo/many/r00000"))
        start = time.monotonic()
        browser.wait("the long curve", "return Number(document.querySelector('[data-chart=Loss]')?.dataset.points) >= 1000")
        slow = browser.js("""const [all, half] = document.querySelectorAll('[data-chart=Loss] figcaption button'); const from = performance.now();
            for (let i = 0; i < 10; ++i) { half.click(); all.click(); } return (performance.now() - from) / 20""")
        points = browser.js("return Number(document.querySelector('[data-chart=Loss]').dataset.points)")
        check("a run of 5,000 rows is drawn", points >= 1000, f"{points} points of 5,000 after {1000 * (time.monotonic() - start):.0f} ms; a redraw {slow:.1f} ms")
        everywhere(browser, base, "api.wandb.ai/demo/many/r00020", f"{runs} runs")
        quiet(browser, f"{runs} runs")
        print(f"      redflagd after all that: {rss(daemon.pid)} MiB resident")
    finally:
        browser.close()
        daemon.terminate()
        daemon.wait(timeout=30)
        shutil.rmtree(directory, ignore_errors=True)


def hostile(browser, base):
    go(browser, base, "runs")
    title = browser.js("return document.title")
    for text, shown in [("<script>", "<script>document.title='owned'</script>"), ("gnp.exe", "⟨U+202E⟩gnp.exe"), ("onerror", "<img src=x onerror=alert(1)>"),
                        ("second line", "a⟨U+001B⟩[31mred⟨U+0007⟩⟨U+000A⟩second line"), ("svg/onload", "'\"><svg/onload=alert(1)>"),
                        ("width", "zero⟨U+200B⟩width"), ("no text", "no text"), ("&amp;", "*_~ <b>&amp;")]:
        browser.js("const i = document.getElementById('run-text'); i.value = arguments[0]; i.dispatchEvent(new Event('input'))", text)
        try:
            found = browser.wait(f"the run {text}", "const r = [...document.querySelectorAll('table.runs tbody th a')].map(a => a.textContent); return r.length === 1 && r[0].includes(arguments[0]) ? r[0] : null", shown)
        except AssertionError:
            found = browser.js("return [...document.querySelectorAll('table.runs tbody th a')].map(a => a.textContent).slice(0, 3).join(' | ')")
        check(f"a hostile name is inert and visible: {text}", shown in found, found)
        browser.js("document.querySelector('table.runs tbody th a').click()")
        browser.wait("its view", "return location.hash.startsWith('#/run/') && document.querySelector('h1') !== null && !document.querySelector('main[aria-busy]')")
        check("  also as a heading", shown in browser.wait("heading", "return document.querySelector('h1')?.textContent"))
        go(browser, base, "runs")
    check("no name became markup or ran", browser.js("return document.querySelectorAll('main img, main script, main b b').length === 0 && document.title !== 'owned'"), title)
    browser.js("const i = document.getElementById('run-text'); i.value = ''; i.dispatchEvent(new Event('input'))")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--no-pictures", action="store_true")
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--only", choices=["demo", "many"])
    wanted = parser.parse_args()
    binaries = os.path.abspath(wanted.binaries)
    if wanted.only != "many":
        demo(binaries, not wanted.no_pictures)
    if wanted.only != "demo":
        many(binaries, wanted.runs)
    print(f"\n{len(failures)} of the page's promises broken" if failures else "\nthe page keeps its promises")
    for failure in failures:
        print(f"  {failure}")
    sys.exit(1 if failures else 0)


main()
