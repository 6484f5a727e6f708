#!/usr/bin/env python3
"""Pictures of the status page of a demo: as it is, all well, one region paused, and cut off from AWS.

Usage: target/python/bin/python3 tests/browser/pictures.py FOLDER [EXECUTABLE]

After tests/run, which installs Chromium and Playwright, and cargo build. Each scene is taken in three widths, light and dark, as a
whole and as its first screen, into FOLDER. README.md shows two of them from tests/browser/pictures/.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from chromium import browser

WIDTHS = {360: 800, 1024: 768, 1920: 1080}
SCHEMES = ("light", "dark")
# A demo reads everything every 15 seconds, and the first look takes a while on a small machine.
PATIENCE = 180

# Two places of the demo in which everything is as it should be.
WELL = """
[[accounts]]
name = "shop-production"
regions = ["eu-south-1"]

[[accounts]]
name = "newsletter"
role_arn = "arn:aws:iam::333333333333:role/ses-exporter"
regions = ["eu-north-1"]

[[expect]]
accounts = ["shop-production"]
regions = ["eu-south-1"]
state = "production"
identities = ["it.shop.example"]
minimum_quota = 50000

[[send_paths]]
name = "news"
from = "news@nyheter.shop.example"
accounts = ["newsletter"]
regions = ["eu-north-1"]
"""


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


def ask(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=30) as answer:
        return answer.read().decode()


def until(what, holds):
    """The first answer that is one, asked for every half second."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if found := holds():
                return found
        except (urllib.error.URLError, ConnectionError):
            pass  # it does not listen yet
        time.sleep(0.5)
    raise SystemExit(f"not within {PATIENCE} s: {what}")


@contextmanager
def agent(command, environment):
    """An agent that ends with its scene, and the URL of its status page."""
    address = free_address()
    child = subprocess.Popen(
        [*command, "--web.listen-address", address], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield child, f"http://{address}/"
    finally:
        child.terminate()
        child.wait()


def looked(url):
    """Whether everything has been read, and DNS twice: before that no record is said to be wrong."""
    page = ask(url)
    return "The first look is not over" not in page and "wrong at the first look" not in page


@contextmanager
def demo(executable):
    """A demo that has looked at everything: its page, its controls, and the environment of its AWS."""
    simulator = free_address()
    with agent([executable, "demo", "--simulator.listen-address", simulator], {"PATH": os.environ["PATH"]}) as (child, url):
        printed = iter(child.stdout.readline, "")
        export = next(line for line in printed if line.startswith("export "))
        environment = dict(re.findall(r"(\w+)=(\S+)", export))
        until("the demo has looked", lambda: looked(url))
        yield url, f"http://{simulator}/_simulator", environment


def take(chromium, url, scene, folder):
    for scheme in SCHEMES:
        for width, height in WIDTHS.items():
            context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            page = context.new_page()
            page.goto(url)
            for extent, whole in (("screen", False), ("whole", True)):
                page.screenshot(path=folder / f"status-{scene}-{width}-{scheme}-{extent}.png", full_page=whole)
            context.close()
    print(f"{scene}: {page_answer(url)}")


def page_answer(url):
    return re.search(r"<h1[^>]*>([^<]*)", ask(url)).group(1)


def all_well(chromium, executable, environment, folder):
    config = folder / "well.toml"
    config.write_text(WELL + f'\n[dns]\nresolvers = ["{environment.pop("DNS")}"]\n')
    environment = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    try:
        with agent([executable, "--config.file", str(config)], environment) as (_, url):
            until("all is well", lambda: looked(url) and page_answer(url) == "All 2 regions in use can send")
            take(chromium, url, "well", folder)
    finally:
        config.unlink()


def main(folder, executable="target/debug/ses-exporter"):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as chromium, demo(executable) as (url, controls, environment):
        take(chromium, url, "demo", folder)
        environment["DNS"] = json.loads(ask(f"{controls}/dns"))["address"]
        all_well(chromium, executable, environment, folder)
        ask(f"{controls}/accounts/333333333333/regions/eu-north-1", "PATCH", {"SendingEnabled": False})
        until("a region is paused", lambda: any("paused by the account" in what for what in findings(url, "eu-north-1")))
        take(chromium, url, "paused", folder)
        ask(f"{controls}/faults", "POST", {"kind": "reset"})
        until("nothing can be read", lambda: all_fail(url))
        take(chromium, url, "cut-off", folder)


def report(url):
    return json.loads(ask(f"{url}api/v1/check"))


def findings(url, region):
    return [finding["what"] for finding in report(url)["findings"] if region in finding["regions"]]


def all_fail(url):
    regions = (region for account in report(url)["accounts"] for region in account["regions"] if "skipped" not in region)
    outcomes = ({one["collector"]: one["outcome"] for one in region["collectors"]} for region in regions)
    return all(one["account"] != "ok" for one in outcomes)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
