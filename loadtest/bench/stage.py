"""The stage of a run: the upstream with its certificates, and one row at a time in front of it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

PATIENCE_S = 60
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def filled(text, tokens):
    """`text` with every `{token}` that is known; other curly brackets stay."""
    for name, value in tokens.items():
        text = text.replace("{%s}" % name, str(value))
    return text


def spawn(command, log, folder=None, variables=None):
    environment = {name: value for name, value in os.environ.items() if name not in PROXY_VARIABLES}
    environment.update(variables or {})
    with open(log, "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=environment,
                                start_new_session=True)


def stop(process):
    """Ends a process that was started here, and what it started: they share a session of their own."""
    if process is None or process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def processes_under(root):
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry))
    found, look = [], [root]
    while look:
        found.append(look.pop())
        look += children.get(found[-1], [])
    return found


def resident_kib(root):
    total = 0
    for pid in processes_under(root):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total


class Stage:
    """The upstream of a run. Use it in a `with`."""

    def __init__(self, state, binaries, paths):
        self.state, self.binaries, self.paths = Path(state), Path(binaries), paths
        self.up, self.uptls = free_port(), free_port()
        self.ca, self.cakey = self.state / "ca.pem", self.state / "ca.key"
        self.upstream = None

    def __enter__(self):
        self.state.mkdir(parents=True, exist_ok=True)
        command = [self.binaries / "mockvendor", "--plain", str(self.up), "--tls", str(self.uptls), "--http1-only",
                   "--keep", "0", "--ca-out", self.ca, "--ca-key-out", self.cakey]
        self.upstream = spawn(command, self.state / "upstream.log")
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.control(latency_ms=0)
                return self
            except OSError:
                if self.upstream.poll() is not None or time.monotonic() > end:
                    raise SystemExit("the mock vendor did not start; see " + str(self.state / "upstream.log"))
                time.sleep(0.02)

    def __exit__(self, *_):
        stop(self.upstream)

    def control(self, **settings):
        query = "&".join(f"{name}={value}" for name, value in settings.items())
        urllib.request.urlopen(f"http://127.0.0.1:{self.up}/__ctl?{query}", timeout=2).read()

    def tokens(self, name):
        folder = self.state / name
        return {**self.paths, "bin": self.binaries, "dir": folder, "port": free_port(), "port2": free_port(),
                "up": self.up, "uptls": self.uptls, "ca": self.ca, "cakey": self.cakey}


class Row:
    """One row in front of the upstream. Use it in a `with`; `missing` says why it cannot run."""

    def __init__(self, stage, peer, templates):
        self.stage, self.peer, self.templates = stage, peer, Path(templates)
        self.name, self.slow = peer["name"], peer.get("slow", False)
        credentials = peer.get("with_credentials", {})
        self.modes, self.user = peer["modes"] + credentials.get("modes", []), credentials.get("user")
        self.tokens = stage.tokens(self.name)
        self.process, self.start_s = None, 0.0

    def missing(self):
        if self.name == "direct":
            return None
        program = filled(self.peer.get("needs", self.peer["cmd"][0]), self.tokens)
        return None if shutil.which(program) else f"{program} is not there"

    def __enter__(self):
        if self.name != "direct":
            self.prepare()
            self.start()
        return self

    def __exit__(self, *_):
        stop(self.process)

    def prepare(self):
        folder = Path(self.tokens["dir"])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for template in self.peer.get("files", []):
            (folder / template).write_text(filled((self.templates / template).read_text(), self.tokens))
        for target, sources in self.peer.get("pem", {}).items():
            parts = [Path(filled(source, self.tokens)).read_text() for source in sources]
            Path(filled(target, self.tokens)).write_text("".join(parts))
        for command in self.peer.get("before", []):
            subprocess.run([filled(word, self.tokens) for word in command], check=True, capture_output=True)

    def start(self):
        variables = {name: filled(value, self.tokens) for name, value in self.peer.get("env", {}).items()}
        command = [filled(word, self.tokens) for word in self.peer["cmd"]]
        # Beside the folder, not in it: a row that watches its configuration must not be woken by its own log.
        log = Path(self.tokens["dir"]).with_suffix(".log")
        self.stage.control(latency_ms=0, interval_us=0)
        begin = time.monotonic()
        self.process = spawn(command, log, self.tokens["dir"], variables)
        last = "no answer"
        while time.monotonic() - begin < PATIENCE_S:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {log.read_text(errors='replace')[-800:]}")
            try:
                last = self.probe()
                if " 200" in last[:16]:
                    self.start_s = time.monotonic() - begin
                    return
            except OSError as error:
                last = str(error)
            time.sleep(0.002)
        stop(self.process)
        raise RuntimeError(f"{self.name} is never ready: {last} {log.read_text(errors='replace')[-800:]}")

    def probe(self):
        """The first line of the answer to one chat call, or to CONNECT where the row is a forward proxy only."""
        body = json.dumps({"model": "gpt-4o-mini", "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}]})
        headers = "".join(filled(line, self.tokens) + "\r\n" for line in self.peer.get("headers", []))
        if "base" in self.peer:
            request = (f"POST {self.peer['base']}/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{self.tokens['port']}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}"
                       f"Connection: close\r\n\r\n{body}")
        else:
            request = f"CONNECT localhost:{self.stage.uptls} HTTP/1.1\r\nHost: localhost:{self.stage.uptls}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.tokens["port"]), 0.5) as connection:
            connection.settimeout(10)
            connection.sendall(request.encode())
            return connection.recv(4096).decode(errors="replace")

    def pid(self):
        return self.stage.upstream.pid if self.process is None else self.process.pid

    def target(self, mode):
        """The arguments of the load generator that lead it through this row."""
        tls = ["--url", f"https://localhost:{self.stage.uptls}/v1/chat/completions"]
        if self.process is None:
            plain = ["--url", f"http://127.0.0.1:{self.stage.up}/v1/chat/completions"]
            return plain if mode == "reverse" else tls + ["--ca", str(self.stage.ca)]
        headers = [word for line in self.peer.get("headers", []) for word in ("--header", filled(line, self.tokens))]
        if mode == "mitm":
            trusted = filled(self.peer.get("mitm_ca", "{ca}"), self.tokens)
            user = ["--proxy-user", self.user] if self.user else []
            return tls + ["--proxy", f"127.0.0.1:{self.tokens['port']}", "--ca", trusted] + user + headers
        base = self.peer["base" if mode == "reverse" else "base_tls"]
        return ["--url", f"http://127.0.0.1:{self.tokens['port']}{base}/chat/completions"] + headers
