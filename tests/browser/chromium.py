"""A Chromium of the distribution, driven by Playwright, that reaches nothing but the agent."""

import os
import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable():
    """Where the browser is: nothing is downloaded."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        raise SystemExit("there is no chromium; tests/run installs it")
    return found


@contextmanager
def browser():
    """A browser without a head. In a container, where root runs it, it has no sandbox of its own."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable(), args=arguments)
        try:
            yield chromium
        finally:
            chromium.close()
