"""The workloads: the same names and shapes as in the side-by-side benchmark of gateways, so that figures compare."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One workload. `rate` 0 sends as fast as answers come; a rate is a constant arrival rate, and latency counts from
    the intended send time."""

    text: str
    mode: str
    connections: int
    rate: int = 0
    options: tuple = ()
    latency_ms: int = 0
    interval_us: int = 0
    slow_rows: bool = True

    def arguments(self):
        return ["--rate", str(self.rate), "--conns", str(self.connections), *self.options]


MIB = ("--body-size", "1048576")

WORKS = {
    "W1.max": Work("A chat call of 1.2 KiB, kept connections, plain upstream, as fast as it goes.", "reverse", 32),
    "W1.r200": Work("The same at 200 a second.", "reverse", 32, 200),
    "W1.r1000": Work("The same at 1,000 a second.", "reverse", 64, 1000, slow_rows=False),
    "W1.r5000": Work("The same at 5,000 a second.", "reverse", 64, 5000, slow_rows=False),
    "W1d.r200": Work("The same at 200 a second with an upstream that takes 50 ms.", "reverse", 64, 200, latency_ms=50),
    "W1t.max": Work("A chat call with TLS to the upstream.", "rtls", 32),
    "W2.max": Work("A stream of 200 chunks, usage and [DONE], each chunk its own write.", "reverse", 16, 0, ("--stream",)),
    "W2.r10": Work("Ten streams a second, 20 ms to the first byte, 2 ms between chunks.", "reverse", 64, 10, ("--stream",),
                   latency_ms=20, interval_us=2000),
    "W3.max": Work("CONNECT with interception, TLS on both sides, tunnel kept.", "mitm", 32),
    "W3.r200": Work("The same at 200 a second.", "mitm", 32, 200),
    "W3f.max": Work("The same with a new tunnel and handshake for each call.", "mitm", 16, 0, ("--fresh",)),
    "W3f.r50": Work("The same at 50 a second.", "mitm", 32, 50, ("--fresh",)),
    "W5.max": Work("A chat call with a body of 1 MiB.", "reverse", 4, 0, MIB),
    "W5.r20": Work("The same at 20 a second.", "reverse", 16, 20, MIB),
}
