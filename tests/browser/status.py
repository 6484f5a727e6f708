"""The status page in a real browser. Takes the URL of an agent behind TLS and a password, and prints what is wrong, a line each.

The agent has 10,000 identities in one region, of which some have a fault, and nothing is asked of anybody else.
"""

import sys
import time
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from chromium import browser

WIDTHS = (360, 1024, 1920)
SCHEMES = ("light", "dark")
# A page of 50 identities with their records; ten thousand would be some 200,000 elements and 10 MB.
MOST_ELEMENTS = 4_000
MOST_BYTES = 400_000
# Rules of the best practices as well: they name what annoys people with a screen reader.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}

# The numbers of what can be focused, and number and frame of what is.
NUMBER = "e => [...document.querySelectorAll('*')].indexOf(e)"
REACHABLE = (
    f"() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary')]"
    f".filter(e => e.checkVisibility({{ contentVisibilityAuto: true }})).map({NUMBER})"
)
FOCUSED = f"() => [({NUMBER})(document.activeElement), getComputedStyle(document.activeElement).outlineStyle]"

wrong = []


def hold(holds, what):
    if not holds:
        wrong.append(what)


class Visit:
    """A page of its own in a context of its own, which notes what the browser has against it and whom it asks."""

    def __init__(self, chromium, url, name, password, **manners):
        self.url, self.host, self.hosts = url, urlsplit(url).netloc, set()
        credentials = {"username": name, "password": password, "origin": url.rstrip("/")}
        self.context = chromium.new_context(http_credentials=credentials, ignore_https_errors=True, **manners)
        self.page = self.context.new_page()
        self.page.on("console", self.said)
        self.page.on("pageerror", lambda error: wrong.append(f"a script fails: {error}"))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        hold(self.hosts <= {self.host}, f"others are asked: {self.hosts - {self.host}}")
        self.context.close()

    def said(self, message):
        # Chromium looks by itself, and not always, for the icon of a tab, which no page names and the agent does not have.
        if not message.location["url"].endswith("/favicon.ico"):
            wrong.append(f"the console says: {message.text}")

    def open(self, query=""):
        answer = self.page.goto(self.url + query)
        hold(answer.status == 200, f"{query}: status {answer.status}")
        return answer

    def names(self):
        return self.page.locator("#identities tbody th").all_inner_texts()

    def first_row(self):
        return self.page.locator("#identities tbody tr").first.inner_text()


def without_script(chromium, agent):
    """Filter, pages and folds are links, forms and elements of HTML."""
    with Visit(chromium, *agent, java_script_enabled=False) as visit:
        page = visit.page
        answer = visit.open()
        hold(len(answer.body()) < MOST_BYTES, f"the page has {len(answer.body())} bytes")
        elements = page.locator("*").count()
        hold(elements < MOST_ELEMENTS, f"the page has {elements} elements")
        hold("cannot send as it should" in page.locator("h1").inner_text(), "the answer does not come first")
        hold(len(visit.names()) == 50, f"{len(visit.names())} identities on a page")
        hold("failed" in visit.first_row(), "the first identity has no fault")
        status = page.get_by_role("status").inner_text()
        hold(status.startswith("10,000 identities, 1 with a fault"), status)
        first = visit.names()
        page.get_by_role("link", name="Next").click()
        hold("page=2" in page.url and not set(first) & set(visit.names()), "the second page is the first")
        page.get_by_role("link", name="Last").click()
        hold("page=200" in page.url, f"the last page is {page.url}")
        page.get_by_label("Part of the name").fill("D0012")
        page.get_by_role("button", name="Filter").click()
        hold(visit.names() == [f"d0012{digit}.example" for digit in range(10)], f"the filter finds {visit.names()}")
        page.get_by_role("link", name="Show all").click()
        hold(len(visit.names()) == 50, "all are not shown again")


def by_keyboard(chromium, agent):
    """Everything that can be done is reached with the tabulator, in the order in which it is read, and is seen to be."""
    with Visit(chromium, *agent, viewport={"width": 1024, "height": 800}) as visit:
        visit.open("?identity=d0001")
        reachable = visit.page.evaluate(REACHABLE)
        reached = []
        for _ in reachable:
            visit.page.keyboard.press("Tab")
            reached.append(visit.page.evaluate(FOCUSED))
        hold([number for number, _ in reached] == reachable, "the focus does not follow the text")
        for number, frame in reached:
            hold(frame != "none", f"no frame around element {number} that has the focus")


def looked_at(chromium, agent):
    """In every width and colour: nothing sticks out, and axe has nothing against it."""
    for scheme in SCHEMES:
        with Visit(chromium, *agent, color_scheme=scheme) as visit:
            # The policy of the page forbids scripts, and axe is one that the test itself brings.
            visit.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            visit.open("?identity=d0001")
            back = visit.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
            bright = sum(map(int, back.strip("rgb()").split(","))) > 3 * 128
            hold(bright == (scheme == "light"), f"the background is {back} where people want it {scheme}")
            for width in WIDTHS:
                visit.page.set_viewport_size({"width": width, "height": 900})
                wide = visit.page.evaluate("() => document.documentElement.scrollWidth")
                hold(wide <= width, f"{wide} pixels on a screen of {width}")
                for violation in Axe().run(visit.page, options=RULES).response["violations"]:
                    node = violation["nodes"][0]
                    wrong.append(f"axe, {scheme}, {width}: {violation['id']}: {node['html']}: {node['failureSummary']}")


def leads_on(chromium, agent):
    """Links inside of the agent lead to pages, and one to metrics to the series itself."""
    with Visit(chromium, *agent, viewport={"width": 1024, "height": 800}) as visit:
        visit.open()
        for link in visit.page.locator("header a, footer a").all():
            to = link.get_attribute("href")
            if to.startswith("./"):
                hold(visit.context.request.get(visit.url + to).status == 200, f"{to} leads nowhere")
            elif to.startswith("#"):
                hold(visit.page.locator(to).count() == 1, f"{to} is no part of the page")
        visit.page.locator("#identities").get_by_role("link", name="Metrics of").first.click()
        visit.page.wait_for_function("() => scrollY > 0")


def guarded(chromium, agent):
    """Nobody comes in without the password."""
    context = chromium.new_context(ignore_https_errors=True)
    status = context.request.get(agent[0]).status
    hold(status == 401, f"without a password it answers {status}")
    context.close()


with browser() as chromium:
    for part in (guarded, without_script, by_keyboard, looked_at, leads_on):
        start = time.monotonic()
        try:
            part(chromium, tuple(sys.argv[1:4]))
        except Exception as error:  # the other parts say more
            wrong.append(f"{part.__name__}: {error}")
        print(f"{part.__name__}: {time.monotonic() - start:.1f} s", file=sys.stderr)
print("\n".join(wrong))
