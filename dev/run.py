"""`make run`: Perennial on 127.0.0.1, over an emulated AWS, with its data in DATA.

    PORT=3000 DATA=.perennial python -m dev.run

Started again after kill -9 it finds the emulator still running, and goes on where it was.
"""

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from billing.kernel.values import Value
from dev import local_stack
from dev.emulator import Emulator, EmulatorError
from dev.server import Server
from dev.stripe import laptop

_ROOT = Path(__file__).resolve().parent.parent


class StartError(Exception):
    """Something on this machine prevents the start; the message says what."""


class Place(Value):
    port: int
    data: Path
    template: Path
    ministack: str


def main() -> int:
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: stopping.set())
    try:
        _run(_place(), stopping)
    except (StartError, EmulatorError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    return 0


def _run(place: Place, stopping: threading.Event) -> None:
    place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.data.chmod(0o700)
    with _alone_in(place.data), _bound(place.port) as server, _emulator(place) as emulator:
        base_url = f"http://127.0.0.1:{server.server_port}"
        print("Building the stack from template.yaml ..", flush=True)
        built = local_stack.build(place.template, place.data, emulator.url, base_url)
        server.answer = built.api.answer
        server.server_activate()
        built.worker.start()
        serving = threading.Thread(target=server.serve_forever, args=(0.1,), name="http")
        serving.start()
        built.api.links = _links(base_url, built)
        _print_addresses(base_url, place.data, built)
        try:
            _wait(stopping, emulator)
        finally:
            print("\nStopping ..", flush=True)
            # The worker first: what it delivers to our own address must still be answered.
            built.worker.stop()
            server.shutdown()
            serving.join()
            built.api.finish()
            built.stripe.stop()
            built.paypal.stop()


def _wait(stopping: threading.Event, emulator: Emulator) -> None:
    while not stopping.wait(2):
        if not emulator.is_running():
            raise EmulatorError(
                "ministack has stopped, and its unsaved data is lost. Run `make run` again."
            )


@contextmanager
def _alone_in(data: Path) -> Iterator[None]:
    file: TextIO
    with (data / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"another `make run` is using {data}. Choose another folder: make run DATA=.."
            ) from error
        yield


@contextmanager
def _bound(port: int) -> Iterator[Server]:
    try:
        server = Server(port)
    except OSError as error:
        raise StartError(f"port {port} is in use. Choose another one: make run PORT=..") from error
    try:
        yield server
    finally:
        server.server_close()


@contextmanager
def _emulator(place: Place) -> Iterator[Emulator]:
    emulator = Emulator(place.data / "emulator", place.ministack)
    print("Starting ministack (DynamoDB, SQS, streams, S3, SES) ..", flush=True)
    if emulator.attach_or_start():
        print("ministack was still running. Using its data.", flush=True)
    try:
        yield emulator
    finally:
        print("Saving ..", flush=True)
        emulator.stop()


def _links(base_url: str, built: local_stack.House) -> list[tuple[str, str]]:
    """Lists what a browser can look at here, for the page at /."""
    links = [("Console", f"{base_url}/_dev/console"), ("Mailbox", f"{base_url}/_dev/mail")]
    if built.demo is not None:
        links += [(f"Checkout: {name}", link) for name, link in built.demo.checkout_links.items()]
        links += [("Portal", built.demo.portal_link), ("Paid with PayPal", built.demo.paypal_link)]
    return [*links, ("Clock, mail, charges", f"{base_url}/_dev")]


def _print_addresses(base_url: str, data: Path, built: local_stack.House) -> None:
    demo = built.demo
    lines = [("API", f"{base_url}/v1"), ("Console", f"{base_url}/_dev/console")]
    if demo is not None:
        lines.insert(0, ("API key", demo.api_key))
        lines += [(f"Checkout: {name}", link) for name, link in demo.checkout_links.items()]
        lines.append(("Portal", demo.portal_link))
        lines.append(("Paid with PayPal", demo.paypal_link))
    lines += [("Stripe (stand-in)", built.stripe.url)]
    newcomer = built.stripe.service.accounts[laptop.NEWCOMER]
    lines += [("  test key to connect", newcomer.secret_key)]
    lines += [("PayPal (stand-in)", built.paypal.base_url)]
    lines += [("  app to connect", f"{built.paypal.client_id} {built.paypal.client_secret}")]
    lines += [
        ("Clock, mail, charges", f"{base_url}/_dev"),
        ("Data", f"{data} (kept when you press Ctrl-C)"),
    ]
    width = max(len(name) for name, _ in lines)
    print(f"\nPerennial is ready on {base_url}\n")
    print("\n".join(f"  {name:<{width}}  {value}" for name, value in lines), flush=True)


def _place() -> Place:
    port = os.environ.get("PORT", "3000")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise StartError(f"PORT is {port!r}, which is not a port number")
    if (key := os.environ.get("STRIPE_KEY")) and not key.startswith("sk_test_"):
        raise StartError("STRIPE_KEY must be a secret key of Stripe's test mode (sk_test_..)")
    if os.environ.get("SELL_AT") not in (None, "", "stripe", "sandbox"):
        raise StartError("SELL_AT must be stripe (the local stand-in) or sandbox")
    return Place(
        port=int(port),
        data=Path(os.environ.get("DATA", ".perennial")).absolute(),
        template=Path(os.environ.get("TEMPLATE", _ROOT / "template.yaml")),
        ministack=os.environ.get("MINISTACK", str(Path(sys.executable).with_name("ministack"))),
    )


if __name__ == "__main__":
    sys.exit(main())
