"""The service's writers: a shop's deliveries, operators' changes of products, reloads and bundles from a registry go on while the
service is killed, at an operation on files or at any moment. Whatever it acknowledged is there after the next start, and it
answers.

Enters: what `harness` has, a bundle of `companion`.
"""

import http.client
import json
import os
import resource
import shutil
import signal
import subprocess
import threading
import time

from fake_registry import MOODS, Registry
from harness import KILLED, ROOT, SERVER, Fault, expect, new_folder, wait_until
from registries import CHAMPION, MODEL, SIGNER, environment
from shop import PATH, SECRET, delivery

# The store of deliveries is written anew when so many of its lines are outdated.
OUTDATED = 10_000


class Service:
    """A service with a kill switch."""

    def __init__(self, chaos, settings, kill_at=None, torn=False):
        names = {f"SLIREC__{name}": str(value) for name, value in settings.items()}
        variables = chaos.variables(kill_at=kill_at, torn=torn) | {"SLIREC__SERVER__DRAIN_DELAY_SECONDS": "0"} | names
        self.log, self.addresses, self.ready = [], {}, threading.Event()
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        ignore = lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.process = subprocess.Popen([SERVER, "--port", "0"], cwd=ROOT, env=variables, text=True, preexec_fn=ignore, **pipes)
        threading.Thread(target=self.read_log, daemon=True).start()
        self.ready.wait(60)

    def read_log(self):
        for line in self.process.stdout:
            self.log.append(line)
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("message") in ("admin listening", "listening"):
                self.addresses[event["message"]] = event["address"]
            if len(self.addresses) == 2:
                self.ready.set()
        self.ready.set()

    def started(self):
        return len(self.addresses) == 2

    def ask(self, method, path, body=None, headers=None, admin=False, timeout=30):
        """Status and answer; raises OSError when the service is gone."""
        address = self.addresses["admin listening" if admin else "listening"]
        connection = http.client.HTTPConnection(address, timeout=timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def said(self):
        return "".join(self.log[-5:]).strip()


class Shop:
    """What was sent, and what the service acknowledged, product by product."""

    def __init__(self, chaos, products):
        self.products, self.chance = products, chaos.chance
        # By product: the last value that was acknowledged, and those that were sent since.
        self.titles, self.prices = {}, {}
        self.number = 0

    def next(self):
        self.number += 1
        return self.number, self.chance.choice(self.products)

    def deliver(self, service):
        number, product = self.next()
        body, headers = delivery(number, product)
        self.send(self.titles, product["handle"], f"Title {number}", service, (PATH, body, headers, False))

    def patch(self, service):
        number, product = self.next()
        body = json.dumps({"products": [{"product": product["handle"], "attributes": {"price": number}}]}).encode()
        self.send(self.prices, product["handle"], str(number), service, ("/admin/products", body, {}, True))

    def send(self, values, handle, value, service, request):
        path, body, headers, admin = request
        known = values.setdefault(handle, {"acknowledged": None, "sent": []})
        known["sent"].append(value)
        status, answer = service.ask("POST", path, body, headers, admin)
        if status == 200:
            known["acknowledged"], known["sent"] = value, []
        elif status not in (503, 500):
            raise Fault(f"{path} answered {status}: {answer[:200]!r}")
        return status

    def check(self, service):
        """Everything that was acknowledged is served; of the last that was sent, either is right."""
        status, answer = service.ask("GET", "/v1/catalog")
        expect(status == 200, f"the catalogue answers {status}")
        served = {product["handle"]: product for product in json.loads(answer)["products"]}
        for values, of in ((self.titles, title), (self.prices, price)):
            for handle, known in values.items():
                found = of(served[handle])
                allowed = [*known["sent"], *([known["acknowledged"]] if known["acknowledged"] else [found])]
                expect(found in allowed, f"{handle} is served with {found}, acknowledged was {known['acknowledged']}")
                known["acknowledged"], known["sent"] = known["acknowledged"] and found, []


def title(product):
    return product["title"]


def price(product):
    found = product.get("attributes", {}).get("price")
    return None if found is None else str(int(float(found)))


def answers(service):
    history = {"history": [{"item": "novel", "time": 1_730_807_061}], "now": 1_730_807_100}
    status, answer = service.ask("POST", "/v1/recommendations", json.dumps(history))
    expect(status == 200 and json.loads(answer)["items"], f"a recommendation answers {status}: {answer[:200]!r}")
    return json.loads(answer)["model"]["version"]


def begin(chaos, settings, **switch):
    """A service that must start, unless it is killed before."""
    service = Service(chaos, settings, **switch)
    if not service.started():
        code = service.process.wait()
        expect(code == KILLED, f"the service does not start again (exit code {code}): {service.said()}")
        chaos.killed("start of the service")
        return None
    return service


def attack_changes(chaos, road):
    """Deliveries, changes and reloads until the service is killed."""
    folder = new_folder(chaos)
    products = json.loads((road / "bundle/catalog.json").read_text())["products"]
    shop = Shop(chaos, products)
    for name in ("one", "two"):
        shutil.copytree(road / "bundle", folder / name)
    pointer = folder / "pointer"
    pointer.write_text("one\n")
    settings = {
        "MODEL__POINTER": pointer, "MODEL__POLL_SECONDS": 1, "MODEL__TRUST": SIGNER,
        "WEBHOOKS__SECRET": SECRET, "WEBHOOKS__CHANGES": folder / "changes.jsonl", "ADMIN__PRODUCTS": folder / "products.jsonl",
    }
    for round_number in range(max(3, round(170 * chaos.scale))):
        if round_number % 25 == 10:
            make_outdated(folder / "changes.jsonl", chaos.chance.randrange(3), shop)
        kill_at = chaos.chance.choice([None, chaos.chance.randrange(1, 60), chaos.chance.randrange(1, 8)])
        what = f"round {round_number}, killed " + (f"at operation {kill_at}" if kill_at else "at some moment")
        chaos.check("changes", what, lambda: one_life(chaos, settings, shop, pointer, kill_at))
    for _ in range(max(2, round(10 * chaos.scale))):
        chaos.check("changes", "full disk", lambda: full_disk(chaos, settings, shop, folder))


def one_life(chaos, settings, shop, pointer, kill_at):
    service = begin(chaos, settings, kill_at=kill_at, torn=chaos.chance.random() < 0.5)
    if service is None:
        return
    try:
        shop.check(service)
        answers(service)
        deadline = time.monotonic() + chaos.chance.uniform(0.02, 1.0)
        while service.process.poll() is None and (kill_at or time.monotonic() < deadline):
            act = chaos.chance.choice([shop.deliver, shop.deliver, shop.patch, shop.patch, reload, lambda _: move(pointer, chaos)])
            act(service)
            if not kill_at and chaos.chance.random() < 0.2:
                killer = threading.Timer(chaos.chance.uniform(0, 0.01), service.process.kill)
                killer.start()
    except OSError as gone:
        expect(wait_until("the service's end", lambda: service.process.poll() is not None, 10), str(gone))
    finally:
        if service.process.poll() is None:
            service.kill()
    expect(service.process.returncode == KILLED, f"the service ended by itself: {service.said()}")
    chaos.killed("changes")


def reload(service):
    status, answer = service.ask("POST", "/admin/reload", admin=True)
    # The pointer may have begun one.
    expect(status in (200, 409), f"a reload answers {status}: {answer[:300]!r}")


def move(pointer, chaos):
    aside = pointer.with_suffix(".new")
    aside.write_text(chaos.chance.choice(["one\n", "two\n"]))
    aside.rename(pointer)


def make_outdated(changes, missing, shop):
    """Makes the file of deliveries so long that it is about to be written anew."""
    lines = changes.read_text().splitlines(keepends=True)
    first = json.loads(lines[0])
    several = [json.dumps(first | {"webhook_id": f"old-{number}", "at": 1.0}) + "\n" for number in range(OUTDATED - missing)]
    changes.write_text("".join(several + lines))


def full_disk(chaos, settings, shop, folder):
    """A disk that fills while deliveries come: those are refused, and taken again once there is room."""
    disk = new_folder(chaos)
    mounted = os.geteuid() == 0 and os.system(f"mount -t tmpfs -o size=256k tmpfs {disk} 2>/dev/null") == 0
    fresh = Shop(chaos, shop.products)
    settings = settings | {"WEBHOOKS__CHANGES": disk / "changes.jsonl", "ADMIN__PRODUCTS": disk / "products.jsonl"}
    service = begin(chaos, settings)
    try:
        room = chaos.chance.randrange(20_000)
        for full in (True, False):
            fill_up(service, disk, mounted, room if full else None)
            refused = sum(send_all(fresh, service) for _ in range(80))
            expect(full or not refused, f"{refused} were refused although there is room again")
            expect(not full or refused, "nothing was refused on a full disk")
        answers(service)
        service.kill()
        chaos.killed("changes")
        chaos.others[f"changes, full disk ({'tmpfs' if mounted else 'limit of files'})"] += 1
        service = begin(chaos, settings)
        fresh.check(service)
    finally:
        service.kill()
        if mounted:
            os.system(f"umount -l {disk}")


def send_all(shop, service):
    """Sends one of each; how many were refused."""
    before = sum(len(known["sent"]) for values in (shop.titles, shop.prices) for known in values.values())
    shop.deliver(service)
    shop.patch(service)
    after = sum(len(known["sent"]) for values in (shop.titles, shop.prices) for known in values.values())
    return max(0, after - before)


def fill_up(service, disk, mounted, room):
    """Leaves so many bytes of a disk, or all of them again."""
    if not mounted:
        most = resource.RLIM_INFINITY if room is None else room
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        return
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    if room is not None:
        status = os.statvfs(disk)
        ballast.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - room)))


def attack_registry(chaos, road):
    """Bundles come from a registry that misbehaves, to a service that is killed meanwhile."""
    registry, folder = Registry(), new_folder(chaos)
    publish(chaos, registry, road, "1")
    settings = {
        "MODEL__PATH": CHAMPION, "MODEL__TRUST": SIGNER,
        "REGISTRY__SERVER": registry.url, "REGISTRY__CACHE": folder / "cache", "REGISTRY__POLL_SECONDS": 1,
        "REGISTRY__TIMEOUT_SECONDS": 1, "REGISTRY__DOWNLOAD_SECONDS": 5,
    }
    first = begin(chaos, settings)
    answers(first)
    first.kill()
    for number in range(2, 2 + max(2, round(40 * chaos.scale))):
        mood = chaos.chance.choice([None, None, *MOODS])
        kill_at = chaos.chance.choice([None, chaos.chance.randrange(1, 60)])
        what = f"version {number}, a {mood or 'sound'} registry, killed at " + (f"operation {kill_at}" if kill_at else "some moment")
        chaos.check("registry of the service", what, lambda: one_fetch(chaos, settings, registry, road, number, mood, kill_at))
    registry.server.shutdown()


def publish(chaos, registry, road, number):
    """The bundle as a version of its own, signed anew."""
    bundle = new_folder(chaos)
    for file in (road / "bundle").iterdir():
        shutil.copy(file, bundle)
    (bundle / "model.sig").unlink()
    manifest = json.loads((bundle / "manifest.json").read_text()) | {"version": number}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    push = ["registry", "push", "--bundle", bundle, "--alias", "champion", "--sign", road / "key.pem", "--force"]
    chaos.succeed(push, road, environment(registry))


def one_fetch(chaos, settings, registry, road, number, mood, kill_at):
    registry.mood = None
    publish(chaos, registry, road, str(number))
    registry.mood = mood
    service = begin(chaos, settings, kill_at=kill_at, torn=chaos.chance.random() < 0.5)
    if service is not None:
        try:
            served = answers(service)
            expect(served in versions(registry), f"version {served} is served, which nobody published")
            end = time.monotonic() + chaos.chance.uniform(0.1, 2.0)
            while service.process.poll() is None and time.monotonic() < end:
                service.ask("POST", "/admin/reload", admin=True)
                answers(service)
        except OSError:
            pass
        service.kill()
        expect(service.process.returncode == KILLED, f"the service ended by itself: {service.said()}")
        chaos.killed("registry of the service")
    chaos.others[f"registry of the service, {mood or 'sound'}"] += 1
    check_cache(chaos, settings, registry, str(number))


def versions(registry):
    return {str(number) for number in range(1, len(registry.versions[MODEL]) + 1)}


def check_cache(chaos, settings, registry, newest):
    """With the registry down the last good one is served; with a sound one, the newest."""
    for mood, allowed in (("broken", versions(registry)), (None, {newest})):
        registry.mood = mood
        service = begin(chaos, settings)
        served = answers(service)
        expect(served in allowed, f"version {served} is served by a {mood or 'sound'} registry, expected one of {sorted(allowed)}")
        service.kill()
        chaos.killed("registry of the service")
