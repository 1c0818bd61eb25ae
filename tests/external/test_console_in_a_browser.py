"""The console as a marketer has it: in a real browser, on a desk and on a phone, in both languages."""

import shutil
import socket
import threading
from contextlib import contextmanager

import pytest
import uvicorn

from experiments.analysis.charts import draw_charts
from serving.app import create_app
from tests.serving.conftest import DATABASE, FAST, Clock, Shop
from tests.serving.console.conftest import PATH, Console
from tests.support.reports import PRIMARY, example_report
from tests.support.waiting import wait_until

pytestmark = pytest.mark.external
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="lacks a browser: apt-get install chromium chromium-driver fonts-noto-cjk",
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-proxy-server",
)  # fmt: skip
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
# Every element that holds letters itself, with the contrast of its colour to the first background behind it.
CONTRASTS = """
const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(part => {
    part /= 255; return part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4; });
  return .2126 * r + .7152 * g + .0722 * b; };
const behind = node => { for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour; } return 'rgb(255, 255, 255)'; };
return [...document.querySelectorAll('body *')]
  .filter(node => !node.closest('svg') && node.offsetWidth && [...node.childNodes]
    .some(child => child.nodeType === 3 && child.textContent.trim()))
  .map(node => { const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
    return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), node.textContent.trim().slice(0, 40)]; });
"""
LETTERS = """
return [...document.querySelectorAll('svg text')].filter(node => node.textContent.trim())
  .map(node => parseFloat(node.getAttribute('font-size')) * node.getScreenCTM().a);
"""


@pytest.fixture(scope="module")
def console(tmp_path_factory, settings_for):
    settings = settings_for(tmp_path_factory.mktemp("shop"), database=DATABASE, serving=FAST)
    console = Console(Shop(settings, redis=None, clock=Clock()))
    console.shop.publish()
    report = example_report(simulated=True, truth={"metric": PRIMARY, "lift_abs": 0.02})
    report["charts"] = draw_charts(report)
    console.keep(report=report, simulated=True)
    return console


@pytest.fixture(scope="module")
def address(console):
    with serving(console) as address:
        yield address


@contextmanager
def serving(console):
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(console.shop.settings, console.shop.clock)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def resize(browser, size: str) -> None:
    width, height = SIZES[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def shows(browser, text: str, where: str = "h1") -> None:
    """Wait until the page that a click or a key leads to is there."""
    script = "return document.querySelector(arguments[0])?.textContent ?? ''"
    wait_until(lambda: text in browser.execute_script(script, where))


def complaints(browser) -> list[str]:
    """What the browser refused or missed since last asked: styles against the policy, files not found."""
    return [entry["message"] for entry in browser.get_log("browser")]


@needs_browser
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["/console/", PATH, "/console/nothing"])
def test_a_page_fits_its_screen_and_misses_nothing(browser, address, path, size, language):
    resize(browser, size)
    complaints(browser)
    browser.get(f"{address}{path}?lang={language}")
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= SIZES[size][0], "the page itself never scrolls sideways; its tables do"
    assert browser.find_element("tag name", "html").get_attribute("lang") == {"zh": "zh-CN"}.get(
        language, "en"
    )
    names = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert names
    assert all(name.startswith((address, "data:")) for name in names)
    missing = [] if path != "/console/nothing" else ["404"]
    assert [text for text in complaints(browser) if not any(each in text for each in missing)] == []


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/console/", PATH])
def test_every_letter_stands_out_from_its_background(browser, address, path, theme):
    feature = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    browser.get(f"{address}{path}?lang=zh")
    found = browser.execute_script(CONTRASTS)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(found) > 10
    assert [(round(contrast, 2), text) for contrast, text in found if contrast < 4.5] == []


@needs_browser
@pytest.mark.parametrize("size", SIZES)
def test_charts_are_shown_whole_and_their_letters_can_be_read(browser, address, size):
    resize(browser, size)
    browser.get(f"{address}{PATH}?lang=zh")
    boxes = [svg.rect for svg in browser.find_elements("css selector", "figure svg")]
    assert len(boxes) == 6
    assert all(box["x"] > 0 and box["x"] + box["width"] <= SIZES[size][0] for box in boxes)
    assert all(box["width"] >= 300 and box["height"] >= 100 for box in boxes)
    assert min(browser.execute_script(LETTERS)) >= 11


@needs_browser
def test_the_keyboard_is_enough(browser, address):
    from selenium.webdriver import ActionChains, Keys

    browser.get(f"{address}/console/?lang=en")
    ActionChains(browser).send_keys(Keys.TAB).perform()
    assert browser.switch_to.active_element.text == "Skip to content"
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert browser.switch_to.active_element.get_attribute("id") == "main"
    ActionChains(browser).send_keys(Keys.TAB).perform()
    assert browser.switch_to.active_element.text == "win-back-offer"
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    shows(browser, "win-back-offer")


@needs_browser
def test_the_exported_page_opens_without_a_server(browser, console, tmp_path):
    with console.shop.client() as client:
        page = client.get(f"{PATH}/report.html?lang=en").content
    (tmp_path / "report.html").write_bytes(page)
    resize(browser, "phone")
    complaints(browser)
    browser.get(f"file://{tmp_path}/report.html")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    assert len(browser.find_elements("css selector", "figure svg")) == 6
    card = browser.find_element("css selector", "section.verdict")
    assert card.value_of_css_property("border-left-width") == "8px", "its style came with it"
    assert complaints(browser) == []


@needs_browser
def test_a_marketer_logs_in_reads_switches_the_language_and_logs_out(browser, console):
    # Last: from here on the shop has a key.
    key = console.key("marketing")
    resize(browser, "phone")
    with serving(console) as address:
        browser.get(f"{address}{PATH}?lang=en")
        shows(browser, "Log in")
        browser.find_element("id", "key").send_keys("wrong\n")
        shows(browser, "does not open the console", "[role=alert]")
        browser.find_element("id", "key").send_keys(f"{key}\n")
        # Back to where it wanted to go.
        shows(browser, "win-back-offer")
        browser.find_element("link text", "中文").click()
        shows(browser, "上线", ".big")
        browser.find_element("link text", "实验").click()
        shows(browser, "实验")
        browser.find_element("xpath", "//button[text()='退出登录']").click()
        shows(browser, "登录")
        browser.get(f"{address}{PATH}")
        shows(browser, "登录")
