"""Opens a page in a headless Chromium and uses it as a person would; prints
what is seen, as JSON.

usage: ask_browser.py CHROMIUM-FOLDER PAGE.html PICTURE-FOLDER [FILTER]
"""

import json
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

programs, page, pictures = map(Path, sys.argv[1:4])
options = webdriver.ChromeOptions()
options.binary_location = str(programs / "chromium")
for argument in (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--window-size=1400,900",
):
    options.add_argument(argument)
options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
service = webdriver.ChromeService(str(programs / "chromedriver"))
driver = webdriver.Chrome(options, service)
seen = {}


def all_of(selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


def one(selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def texts(selector):
    return [element.text for element in all_of(selector)]


def changes(action, look):
    """What is seen once an action has changed it, and how long that took."""
    before = look()
    start = time.monotonic()
    action()
    WebDriverWait(driver, 20, 0.02).until(lambda _: look() != before)
    return look(), round(1000 * (time.monotonic() - start))


def picture(name, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    driver.save_screenshot(str(pictures / f"{name}-{scheme}.png"))


try:
    start = time.monotonic()
    driver.get(page.absolute().as_uri())
    seen["open_ms"] = round(1000 * (time.monotonic() - start))
    seen["title"] = driver.title
    seen["header"] = one("header").text
    seen["scripted"] = bool(all_of("#bar"))
    if seen["scripted"] and one("#bar").is_displayed():
        seen["script_ms"] = int(one("body").get_attribute("data-ready"))
        seen["count"] = one("#count").text
        seen["rows"] = len(all_of(".row"))
        seen["selected"] = texts(".row[aria-selected=true] .what")
        for scheme in ("light", "dark"):
            picture("start", scheme)
        look = lambda: one("#count").text  # noqa: E731
        field = one("#filter")
        clear = lambda: field.send_keys(Keys.CONTROL, "a", Keys.DELETE)  # noqa: E731
        # The second answer, or the only one, opened.
        changes(lambda: field.send_keys("reply"), look)
        one("#list").send_keys(Keys.HOME)
        if answers := all_of(".row.is-message")[:2]:
            answers[-1].click()
            WebDriverWait(driver, 5).until(lambda _: all_of("#detail .fields"))
            seen["detail"] = one("#detail").text
        changes(clear, look)
        for scheme in ("light", "dark"):
            picture("message", scheme)
        # Filters: text, channel, kind.
        if len(sys.argv) > 4:
            seen["filtered"], seen["filter_ms"] = changes(
                lambda: field.send_keys(sys.argv[4]), look
            )
            seen["found"] = texts(".row .what")[:5]
            changes(clear, look)
        channels = Select(one("#channel"))
        seen["channels"] = [option.text for option in channels.options]
        if len(channels.options) > 2:
            seen["of_channel"], _ = changes(lambda: channels.select_by_index(1), look)
            changes(lambda: channels.select_by_index(0), look)
        chip = one("#kinds button")
        seen["without_kind"], _ = changes(chip.click, look)
        changes(one("#kinds button").click, look)
        # To the end.
        start = time.monotonic()
        one("#list").send_keys(Keys.END)
        WebDriverWait(driver, 5, 0.02).until(
            lambda _: one("#list").get_attribute("aria-activedescendant") == all_of(".row")[-1].get_attribute("id")
        )
        seen["end_ms"] = round(1000 * (time.monotonic() - start))
        seen["last"] = texts(".row .what")[-1]
        for details in all_of("header details"):
            if details.is_displayed() and not details.get_attribute("open"):
                details.find_element(By.TAG_NAME, "summary").click()
        seen["opened"] = one("header").text
        for scheme in ("light", "dark"):
            picture("header", scheme)
    else:
        for scheme in ("light", "dark"):
            picture("start", scheme)
        seen["links"] = [
            element.get_attribute("href") for element in all_of("a[href]")
        ]
    seen["owned"] = driver.execute_script("return window.owned === 1")
    seen["log"] = [entry["message"] for entry in driver.get_log("browser")]
finally:
    driver.quit()
print(json.dumps(seen))
