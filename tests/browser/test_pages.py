"""The pages in a real browser, as a person uses them: `make test-browser`.

Chromium, driven by WebDriver, against the real service. Pictures go to work/screenshots, to be looked at.
"""

import json
import os
import pathlib
import re
import statistics
import tempfile
import time
import unittest

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from service import ROOT, Service, bundle_of_shoppers

PICTURES = ROOT / "work/screenshots"
AXE = pathlib.Path(os.environ["SLIREC_AXE"]).read_text()
HOSTILE = '<img src=x onerror="document.title=`taken`">'


class Page:
    """A browser on a page of a service."""

    def __init__(self, service, path="/", width=1600, height=1000, dark=False, touch=False):
        options = Options()
        for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Driver("/usr/bin/chromedriver"))
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.service = service
        if touch:
            features = [scheme, {"name": "hover", "value": "none"}, {"name": "pointer", "value": "coarse"}]
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        shifts = """window.shifts = 0; new PerformanceObserver((list) => {
          for (const shift of list.getEntries()) window.shifts += shift.value; }).observe({ type: 'layout-shift', buffered: true });"""
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": shifts})
        self.open(path)

    def open(self, path):
        self.driver.get("about:blank")
        self.driver.get(self.service.address + path)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((found) => found.textContent)", selector)

    def wait(self, what, condition):
        return WebDriverWait(self.driver, 20, 0.02).until(lambda _: condition(), what)

    def titles(self):
        return self.texts(".result .title")

    def session(self):
        return self.driver.execute_script("return [...document.querySelectorAll('.view')].map((view) => view.dataset.item)")

    def settled(self):
        """The answer to the last change is on the screen."""
        return self.wait("an answer", lambda: self.titles() and not self.all("#results[aria-busy]"))

    def product(self, title):
        return next(found for found in self.all(".product") if found.text.split("\n")[-1] == title)

    def click(self, title):
        before = len(self.session())
        self.product(title).click()
        self.wait("the view", lambda: len(self.session()) == before + 1)
        self.settled()

    def focused(self):
        """How a person would call what has the focus."""
        return self.driver.execute_script("const one = document.activeElement; return one.ariaLabel || one.className || one.id || one.tagName")

    def picture(self, name):
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(PICTURES / f"{name}.png"))

    def findings(self):
        """What axe-core finds, and what the browser complained of."""
        self.driver.execute_script(AXE)
        found = self.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        violations = [(one["id"], one["nodes"][0]["html"], one["nodes"][0].get("failureSummary")) for one in found["violations"]]
        return violations, [line["message"] for line in self.driver.get_log("browser")]

    def overflow(self):
        return self.driver.execute_script("return document.documentElement.scrollWidth - innerWidth")

    def close(self):
        self.driver.quit()


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def page(self, *arguments, service=None, **options):
        page = Page(service or self.service, *arguments, **options)
        self.addCleanup(page.close)
        return page

    def test_a_first_visit_shows_popular_products_and_says_so(self):
        page = self.page()
        page.settled()
        self.assertIn("popular products", page.one("#source").text)
        self.assertEqual(len(page.titles()), 10)
        self.assertGreater(len(page.all(".product")), 200)
        page.picture("first-visit")
        page.one("#examples button").click()
        page.wait("the model", lambda: page.one("#source").text.startswith("by slirec-demo"))
        self.assertEqual(page.findings(), ([], []))

    def test_clicks_make_a_session_and_its_link_can_be_shared(self):
        page = self.page()
        page.settled()
        page.click("Novel")
        first = page.titles()
        page.click("Mug")
        self.assertNotEqual(page.titles(), first)
        self.assertEqual(page.session(), ["novel", "mug"])
        self.assertIn("after the click", page.one("#timing").text)
        strange = self.page("/#s=a%7Eb~40,novel~5")
        strange.settled()
        self.assertEqual(strange.session(), ["a~b", "novel"])
        self.assertTrue(strange.driver.current_url.endswith("#s=a%7Eb~40,novel~5"))
        other = self.page(page.driver.current_url.removeprefix(self.service.address))
        other.settled()
        self.assertEqual((other.session(), other.titles()), (["novel", "mug"], page.titles()))
        page.all(".result")[0].click()
        page.wait("the third view", lambda: len(page.session()) == 3)

    def test_views_are_reordered_removed_cleared_and_their_times_edited(self):
        page = self.page("/#s=novel~240,atlas~150,mug~40")
        page.settled()
        page.one("[aria-label='Move Novel later']").click()
        page.wait("another order", lambda: page.session() == ["atlas", "novel", "mug"])
        ages = [view.get_attribute("value") for view in page.all(".when input")]
        self.assertEqual(ages, ["4 min", "2.5 min", "40 s"], "times stay where they are")
        page.driver.execute_script("""
          const [from, , to] = document.querySelectorAll('.view');
          const data = new DataTransfer();
          const tell = (place, kind) => place.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
          tell(from, 'dragstart'); tell(to, 'dragover'); tell(to, 'drop');""")
        page.wait("the dragged order", lambda: page.session() == ["novel", "mug", "atlas"])
        age = page.one("[aria-label^='When Novel']")
        age.send_keys(Keys.CONTROL, "a", Keys.NULL, "5 s", Keys.TAB)
        page.wait("the order of the times", lambda: page.session()[-1] == "novel")
        age = page.one("[aria-label^='When Novel']")
        age.send_keys(Keys.CONTROL, "a", Keys.NULL, "soon", Keys.TAB)
        page.wait("a message", lambda: "is not a time" in page.one("#toast").text)
        page.one("[aria-label='Remove Novel']").click()
        page.wait("two views", lambda: page.session() == ["mug", "atlas"])
        page.one("#clear").click()
        page.wait("none", lambda: not page.session() and "popular" in page.one("#source").text)

    def test_a_session_is_pasted_in_either_form(self):
        page = self.page()
        page.settled()
        forms = [{"history": [{"item": "novel", "time": 1730807061}, {"item": "mug", "time": 1730807121}]},
                 {"inputs": {"userId": "u", "items": ["novel", "mug"], "timestamps": ["1730807061000", "1730807121000"]}}]
        forms.append({"dataframe_split": {"columns": ["userId", "items", "timestamps"], "data": [["u", *list(forms[1]["inputs"].values())[1:]]]}})
        forms.append({**forms[0], "now": 1730807126000})
        for form in forms:
            page.one("#paste").click()
            page.driver.execute_script("document.getElementById('paste-text').value = arguments[0]", json.dumps(form))
            page.one("#paste-use").click()
            page.wait("the session", lambda: page.session() == ["novel", "mug"])
            self.assertEqual(page.one("[aria-label^='When Novel']").get_attribute("value"), "1.1 min")
            page.one("#clear").click()
        page.one("#paste").click()
        for wrong, told in [("{", "This is not JSON"), ("[null]", "Expected `history`"), ('{"history": [null]}', "history[0].item"),
                            ('{"history": [{"item": "mug", "time": 1}], "now": "noon"}', "now: expected a Unix time")]:
            page.driver.execute_script("document.getElementById('paste-text').value = arguments[0]", wrong)
            page.one("#paste-use").click()
            self.assertIn(told, page.one("#paste-problem").text)

    def test_a_product_that_is_pointed_at_says_why(self):
        page = self.page("/#s=novel~240,atlas~150,mug~40")
        page.settled()
        ActionChains(page.driver).move_to_element(page.all(".result")[2]).perform()
        page.wait("lines", lambda: len(page.all("#lines path")) == 3)
        weights = [float(share) for share in re.findall(r"([\d.]+) %", page.one("#why").text)]
        self.assertAlmostEqual(sum(weights[:3]), 100, delta=3)
        self.assertEqual(len(page.all(".view.lit")), 3)
        page.picture("why")

    def test_options_shape_the_answer_and_the_code_shows_them(self):
        page = self.page("/#s=novel~60")
        page.settled()
        page.one(".controls summary").click()
        limit = page.one("#controls input[max='100']")
        limit.clear()
        limit.send_keys("5")
        page.wait("five", lambda: len(page.titles()) == 5)
        page.driver.find_element(By.XPATH, "//button[text()='All or none']").click()
        page.driver.find_element(By.XPATH, "//label[text()='Kitchen']/input").click()
        page.wait("one category", lambda: set(page.texts(".result .category")) == {"Kitchen"})
        page.one(".code summary").click()
        self.assertIn('"categories":["Kitchen"]', page.one("#requests pre").text)
        page.driver.find_element(By.XPATH, "//button[text()='/invocations']").click()
        self.assertEqual(json.loads(page.one("#requests pre").text)["inputs"]["items"], ["novel"])
        page.driver.find_element(By.XPATH, "//label[contains(., 'what changed')]/input").click()
        page.settled()
        page.click("Mug")
        moves = page.texts(".result .move")
        self.assertTrue(any(move not in ("", "=") for move in moves), moves)
        limit.send_keys(Keys.BACKSPACE, "6")
        page.wait("six", lambda: len(page.titles()) == 6)
        self.assertEqual(page.texts(".result .move")[:5], moves[:5], "an option is no step")
        self.assertEqual(page.findings()[0], [])

    def test_what_is_known_of_a_shopper_shapes_the_answer_where_the_model_reads_it(self):
        plain = self.page("/#s=novel~60")
        plain.settled()
        self.assertEqual(plain.all("#controls .shopper"), [])
        service = Service(bundle=bundle_of_shoppers)
        self.addCleanup(service.stop)
        page = self.page("/#s=novel~60", service=service)
        page.settled()
        page.one(".controls summary").click()
        country, age = page.one(".shopper select"), page.one(".shopper input")
        self.assertEqual(sorted(page.texts(".shopper option")), ["DE", "FR", "not known"])
        scores = lambda: page.texts(".result .score")
        nothing = scores()
        country.find_element(By.CSS_SELECTOR, "option[value='FR']").click()
        page.wait("other scores", lambda: not page.all("#results[aria-busy]") and scores() != nothing)
        french = scores()
        age.send_keys("31")
        page.wait("scores of an age", lambda: not page.all("#results[aria-busy]") and scores() != french)
        page.one(".code summary").click()
        self.assertIn('"user":{"country":"FR","age":31}', page.one("#requests pre").text)
        page.driver.find_element(By.XPATH, "//button[text()='/invocations']").click()
        row = json.loads(page.one("#requests pre").text)["inputs"]
        self.assertEqual((row["user.country"], row["user.age"]), ("FR", 31))
        country.find_element(By.CSS_SELECTOR, "option[value='']").click()
        age.send_keys(Keys.BACKSPACE, Keys.BACKSPACE)
        page.wait("the first scores", lambda: not page.all("#results[aria-busy]") and scores() == nothing)
        page.picture("shopper")
        self.assertEqual(page.findings(), ([], []))

    def test_the_search_finds_products_and_shelves_can_be_chosen(self):
        page = self.page()
        page.settled()
        page.one("#search").send_keys("coffee")
        page.wait("less", lambda: 0 < len(page.all(".product")) < 10)
        page.one("#search").send_keys("xyz")
        page.wait("none", lambda: "Nothing found" in page.one("#catalog").text)
        page.one("#search").clear()
        page.one("#search").send_keys(" ", Keys.BACKSPACE)
        page.driver.find_element(By.XPATH, "//div[@id='categories']/button[text()='Garden']").click()
        page.wait("a shelf", lambda: [shelf.get_attribute("aria-label") for shelf in page.all(".shelf")] == ["Garden"])

    def test_a_service_that_is_gone_is_told_in_words_and_asked_again(self):
        service = Service()
        page = self.page("/#s=novel~60", service=service)
        page.settled()
        port = service.port
        service.stop()
        page.product("Mug").click()
        page.wait("a message", lambda: "The service does not answer" in page.one("#problem").text)
        again = Service(port=port)
        self.addCleanup(again.stop)
        page.one("#problem button").click()
        page.wait("it is gone", lambda: not page.one("#problem").is_displayed())
        self.assertEqual(page.session(), ["novel", "mug"])

    def test_names_of_products_are_text_and_nothing_else(self):
        def change(products):
            products[0]["title"] = products[1]["category"] = HOSTILE
            products[2]["attributes"]["image"] = 'https://x.invalid/"><script>alert(1)</script>'
        service = Service(change)
        self.addCleanup(service.stop)
        page = self.page(service=service)
        page.settled()
        self.assertEqual(len(page.all("#catalog img[src='x'], #categories img, #catalog script")), 0)
        next(found for found in page.all(".product") if HOSTILE in found.text).click()
        page.wait("the view", lambda: HOSTILE in page.one(".view").text)
        self.assertNotEqual(page.driver.title, "taken")

    def test_the_keyboard_alone_is_enough(self):
        page = self.page()
        page.settled()
        reached = []
        for _ in range(60):
            page.driver.switch_to.active_element.send_keys(Keys.TAB)
            focused = page.driver.switch_to.active_element
            reached.append(focused.get_attribute("class") or focused.get_attribute("id"))
            if "product" in reached:
                break
        self.assertIn("product", reached, reached)
        page.driver.switch_to.active_element.send_keys(Keys.ENTER)
        page.wait("a view", lambda: len(page.session()) == 1)
        page.settled()
        self.tab_to(page, "result", Keys.SHIFT)
        page.wait("a line", lambda: len(page.all("#lines path")) == 1)
        page.driver.switch_to.active_element.send_keys(Keys.ENTER)
        page.wait("two views", lambda: len(page.session()) == 2)
        page.settled()
        self.assertEqual(page.focused(), "result", "the focus stays in the list")
        self.tab_to(page, "Move", Keys.SHIFT)
        order = page.session()
        page.driver.switch_to.active_element.send_keys(Keys.ENTER)
        page.wait("another order", lambda: page.session() == order[::-1])
        self.assertIn("Move", page.focused())

    def tab_to(self, page, wanted, *held):
        """Presses Tab until what has the focus is called so."""
        for _ in range(80):
            ActionChains(page.driver).key_down(*held).send_keys(Keys.TAB).key_up(*held).perform()
            if wanted in page.focused():
                return
        self.fail(f"{wanted} cannot be reached")

    def test_an_example_by_keyboard_leaves_the_focus_in_the_session(self):
        page = self.page()
        page.settled()
        page.one("#examples button").send_keys(Keys.ENTER)
        page.wait("a session", lambda: page.session())
        self.assertIn("was viewed", page.focused())

    def test_pointing_at_a_product_moves_nothing(self):
        views = ",".join(f"{item}~{age}" for item, age in zip(["novel", "atlas", "mug", "brush", "novel", "canvas", "easel"], range(700, 0, -100)))
        for width in (360, 1600):
            page = self.page(f"/#s={views}", width=width)
            page.settled()
            place = lambda: page.driver.execute_script("return document.getElementById('results').getBoundingClientRect().top + scrollY")
            before = place()
            for result in page.all(".result")[:4]:
                ActionChains(page.driver).move_to_element(result).perform()
                page.wait("why", lambda: page.one("#why").text.startswith("Attention"))
                self.assertEqual(place(), before)
            self.assertGreaterEqual(len(page.all("#lines path")), 1)

    def test_nothing_jumps_while_the_page_loads_and_a_first_product_is_viewed(self):
        for width in (360, 1600):
            page = self.page(width=width)
            page.settled()
            time.sleep(0.5)
            loading = page.driver.execute_script("return window.shifts")
            # Web Vitals calls 0.1 good.
            self.assertLess(loading, 0.1, width)
            place = lambda: page.driver.execute_script("return document.querySelector('.shop').getBoundingClientRect().top + scrollY")
            before = place()
            page.one("#examples button").click()
            page.wait("the model", lambda: page.one("#source").text.startswith("by slirec-demo"))
            self.assertAlmostEqual(place(), before, delta=2)
            print(f"\nlayout shift while loading at {width} px: {loading:.3f}", end=" ")

    def test_a_finger_can_ask_why_without_viewing(self):
        page = self.page("/#s=novel~240,mug~40", width=360, height=780, touch=True)
        page.settled()
        page.all(".ask")[1].click()
        self.assertTrue(page.one("#why").text.startswith("Attention"))
        self.assertEqual(page.session(), ["novel", "mug"])
        self.assertEqual((page.findings(), page.overflow()), (([], []), 0))
        page.picture("phone-touch")

    def test_a_product_viewed_twice_has_a_line_from_either_view(self):
        page = self.page("/#s=novel~240,mug~150,novel~40")
        page.settled()
        ActionChains(page.driver).move_to_element(page.all(".result")[1]).perform()
        page.wait("three lines", lambda: len(page.all("#lines path")) == 3)

    def test_phone_wide_light_and_dark_fit_and_can_be_read(self):
        for width, height, dark in [(360, 780, False), (360, 780, True), (1600, 1000, False), (1600, 1000, True)]:
            page = self.page("/#s=novel~240,atlas~150,mug~40", width=width, height=height, dark=dark)
            page.settled()
            name = f"{'phone' if width < 500 else 'wide'}-{'dark' if dark else 'light'}"
            page.picture(name)
            self.assertLessEqual(page.overflow(), 0, name)
            self.assertEqual(page.findings(), ([], []), name)

    def test_what_was_just_viewed_is_left_out_unless_it_is_wanted(self):
        page = self.page()
        page.settled()
        page.click("Novel")
        self.assertNotIn("Novel", page.titles())
        page.one(".controls summary").click()
        box = page.driver.find_element(By.XPATH, "//label[contains(., 'Leave out what was viewed')]/input")
        self.assertTrue(box.is_selected())
        box.click()
        page.settled()
        page.one(".code summary").click()
        self.assertNotIn("exclude_seen", page.one("#requests pre").text)

    def test_a_service_with_keys_asks_for_one_in_a_form(self):
        service = Service(SLIREC__AUTH__KEYS="browser-key-0123456789")
        self.addCleanup(service.stop)
        for path, there in [("/", lambda page: page.titles()), ("/status", lambda page: "slirec-demo" in page.one("#headline").text)]:
            page = self.page(path, service=service, width=360, height=780)
            page.wait("the form", lambda: page.all("form.key"))
            page.picture(f"key-{path.strip('/') or 'shop'}")
            self.assertEqual((page.findings()[0], page.overflow()), ([], 0))
            page.one("#api-key").send_keys("wrong", Keys.ENTER)
            page.wait("the refusal", lambda: "This API key is unknown" in page.one("form.key").text)
            page.one("#api-key").send_keys("browser-key-0123456789", Keys.ENTER)
            page.wait("the page", lambda: there(page))
            self.assertFalse(page.one("#problem").is_displayed())
            kept = page.driver.execute_script("return [sessionStorage.length, localStorage.length, document.cookie, location.href]")
            self.assertEqual(kept[:3], [1, 0, ""])
            self.assertNotIn("browser-key", kept[3])
        page = self.page("/docs", service=service)
        page.wait("the operations", lambda: len(page.all("#operations section")) == 12)
        page.all(".try button")[0].click()
        page.wait("the form", lambda: page.all("form.key"))
        page.one("#api-key").send_keys("browser-key-0123456789", Keys.ENTER)
        page.wait("the answer", lambda: page.one(".try pre").text.startswith("200"))

    def test_the_page_of_the_api_fits_a_phone_and_has_the_common_header(self):
        for width, dark in [(360, True), (1200, False)]:
            page = self.page("/docs", width=width, dark=dark)
            page.wait("the operations", lambda: len(page.all("#operations section")) == 12)
            self.assertEqual(page.texts("header.bar nav a"), ["Shop", "Status", "API"])
            page.one(".try button").click()
            page.wait("the answer", lambda: page.one(".try pre").text.startswith("200"))
            for summary in page.all("summary")[:2]:
                summary.click()
            self.assertEqual((page.findings(), page.overflow()), (([], []), 0))
            page.picture(f"docs-{width}")
            page.driver.find_element(By.LINK_TEXT, "Shop").click()
            page.settled()

    def test_the_status_page_moves_with_the_traffic(self):
        shop = self.page("/#s=novel~60")
        shop.settled()
        for width, dark in [(360, True), (1200, False)]:
            page = self.page("/status", width=width, dark=dark)
            page.wait("the model", lambda: "slirec-demo 1 on cpu" in page.one("#headline").text)
            count = lambda: int(page.texts("#counters dd")[0])
            before = count()
            shop.click("Mug")
            page.wait("the count", lambda: count() > before)
            page.wait("a latency", lambda: any("ms" in text for text in page.texts(".chart b")))
            self.assertEqual((page.findings(), page.overflow()), (([], []), 0))
            page.picture(f"status-{width}")

    def test_filters_scenarios_the_cart_and_what_is_in_demand_are_used_on_the_page(self):
        def change(products):
            for number, product in enumerate(products):
                product["attributes"]["price"] = str(number)
        scenarios = tempfile.NamedTemporaryFile("w", suffix=".toml")
        self.addCleanup(scenarios.close)
        scenarios.write("""[home]
boost = [{ name = "own brand", when = 'vendor == "Ochre & Sons"', by = 100 }]
pin = [{ name = "of the month", product = "atlas", position = 2 }]
""")
        scenarios.flush()
        service = Service(change, SLIREC__SCENARIOS__FILE=scenarios.name)
        self.addCleanup(service.stop)
        page = self.page("/#s=novel~60", service=service)
        page.settled()
        page.one(".controls summary").click()
        box = page.one("#controls input[list]")
        box.send_keys("category != \"Books\" && pri")
        offered = lambda: page.driver.execute_script("return [...document.querySelectorAll('#filter-names option')].map((one) => one.value)")
        page.wait("the completion", lambda: 'category != "Books" && price' in offered())
        box.send_keys("ce < 100", Keys.ENTER)
        page.wait("other categories", lambda: page.titles() and "Books" not in page.texts(".result .category"))
        page.settled()
        box.clear()
        box.send_keys("vender == 1", Keys.ENTER)
        page.wait("what is wrong", lambda: "vender" in page.one("#problem").text and "vendor" in page.one("#problem").text)
        box.clear()
        box.send_keys(Keys.ENTER)
        page.wait("no problem", lambda: not page.one("#problem").is_displayed())
        page.driver.find_element(By.XPATH, "//label[contains(., 'Scenario')]/select/option[.='home']").click()
        page.wait("the rules", lambda: any("own brand ×100" in badge for badge in page.texts(".result .badge")))
        self.assertIn("of the month: pinned to 2", page.texts(".result .badge"))
        self.assertEqual(page.titles()[1], "Atlas")
        self.assertIn("scenario home", page.one("#source").text)
        page.one(".result ~ .add").click()
        page.wait("what goes with the cart", lambda: page.all("#complements .product"))
        self.assertEqual(len(page.all("#cart button")), 1)
        page.wait("what is in demand", lambda: page.all("#trending .product"))
        self.assertFalse(page.one("#again-section").is_displayed())
        page.one(".view .kind").click()
        page.wait("what is bought again", lambda: page.texts("#again small") == ["bought 1 time"])
        self.assertIn("novel~60~bought", page.driver.current_url)
        page.driver.find_element(By.XPATH, "//label[contains(., 'Leave out what was viewed')]/input").click()
        page.driver.find_element(By.XPATH, "//label[contains(., 'Leave out what was bought')]/input").click()
        page.wait("an answer without it", lambda: '"exclude_purchased":true' in page.texts("#requests pre")[0])
        page.settled()
        self.assertNotIn("Novel", page.titles())
        self.assertEqual((page.findings()[0], page.overflow()), ([], 0))
        page.picture("scenario")
        status = self.page("/status", service=service)
        status.wait("the scenario", lambda: status.texts("#scenarios tbody th") == ["home"])
        self.assertTrue(all(int(count) > 0 for count in status.texts("#scenarios tbody td")[:2]))
        status.picture("status-scenario")

    def test_ten_thousand_products_stay_smooth(self):
        def change(products):
            for number in range(10_000 - len(products)):
                products.append({"handle": f"made-{number}", "gid": f"gid://shopify/Product/{number + 1}", "available": True,
                                 "title": f"Made {number}", "category": f"Category {number % 12}", "attributes": {}})
        service = Service(change)
        self.addCleanup(service.stop)
        started = time.monotonic()
        page = self.page("/#s=novel~60", service=service)
        page.settled()
        print(f"\n10,000 products: on the screen after {time.monotonic() - started:.1f} s with the browser's start,", end=" ")
        self.assertLess(len(page.all("*")), 5_000)
        spent = page.driver.execute_script("""
          const field = document.getElementById('search'); const started = performance.now();
          for (const text of ['m', 'ma', 'mad', 'made', 'made 9', '']) { field.value = text; field.dispatchEvent(new Event('input')); document.body.offsetHeight; }
          return (performance.now() - started) / 6""")
        print(f"{spent:.0f} ms a key of the search")

    def test_from_the_click_to_the_screen(self):
        page = self.page()
        page.settled()
        times = []
        for title in ["Novel", "Mug", "Canvas", "Easel", "Manga", "Poetry", "Clay", "Varnish", "Atlas", "Palette", "Brush"]:
            page.driver.execute_script("delete document.getElementById('timing').dataset.repaint")
            page.click(title)
            times.append(float(page.wait("the time", lambda: page.one("#timing").get_attribute("data-repaint"))))
        print(f"\nclick to repaint: median {statistics.median(times):.0f} ms, {min(times):.0f} to {max(times):.0f} ms")


if __name__ == "__main__":
    unittest.main(verbosity=2)
