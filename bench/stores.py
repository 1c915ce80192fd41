# SPDX-License-Identifier: LGPL-2.1-or-later
# stores.py: what keeps the volumes in bench/run, and how it is reached.
#
# A store has a container's URL for the plugin (url), with the environment that
# it needs, and, if it is reached by HTTP (remote), blobs for those that know
# nothing of leases (blob_url). The Blob service in memory adds its latency by
# itself, without a second hop; Azurite and nginx are behind a delay line.

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
import urllib.parse

from servers import PATIENCE, Listener, program_of

ACCOUNT = "bench"
NGINX_PROGRAM = shutil.which("nginx") or "/usr/sbin/nginx"

NGINX = """
user {user};
daemon off;
worker_processes 1;
error_log stderr error;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/nginx;
    if ($request_method = PUT) {{ return 201; }}
  }}
}}
"""


def delay_line(options, port, latency):
    """Something that listens, and the port: a delay line, if one is needed."""
    if not latency and not options.bandwidth:
        return None, port
    words = [program_of(options.build, "delay-proxy"), "--to", str(port),
             "--latency", str(latency)]
    if options.bandwidth:
        words += ["--bandwidth", str(options.bandwidth)]
    proxy = Listener(words)
    return proxy, proxy.port


class FileStore:
    """A folder on this host."""

    remote, leases, environment = False, True, {}

    def __init__(self, _, folder, __):
        self.url = "file:" + os.path.join(folder, "store")

    def stop(self):
        pass


class HttpStore:
    """A container of the Blob service, whoever plays it."""

    remote, leases, environment = True, True, {}
    url, signature = None, ""

    def blob_url(self, name, query=""):
        return f"{self.url}/{name}?{query}{self.signature}"

    def create_blob(self, name, size):
        subprocess.run(
            ["curl", "-sSf", "-X", "PUT", "--max-time", str(PATIENCE),
             "-H", "x-ms-version: 2021-12-02", "-H", "x-ms-blob-type: PageBlob",
             "-H", f"x-ms-blob-content-length: {size}",
             "-H", "Content-Length: 0", self.blob_url(name)],
            check=True, stdout=subprocess.DEVNULL)


class BlobStore(HttpStore):
    """bench/blob-server: the Blob service in memory."""

    signature = "sv=2021-12-02&sig=none"  # it takes any
    environment = {"AZURE_STORAGE_ACCOUNT": ACCOUNT,
                   "AZURE_STORAGE_SAS_TOKEN": signature}

    def __init__(self, options, _, latency):
        words = [program_of(options.build, "blob-server"),
                 "--latency", str(latency)]
        if options.bandwidth:
            words += ["--bandwidth", str(options.bandwidth)]
        self.server = Listener(words)
        self.url = f"http://127.0.0.1:{self.server.port}/{ACCOUNT}/volumes"

    def stop(self):
        self.server.stop()


class AzuriteStore(HttpStore):
    """Azurite, which with_azurite() has started."""

    def __init__(self, options, _, latency):
        parts = urllib.parse.urlsplit(os.environ["LEASEHOLD_AZURITE_URL"])
        self.signature = os.environ["AZURE_STORAGE_SAS_TOKEN"]
        self.proxy, port = delay_line(options, parts.port, latency)
        self.url = f"http://127.0.0.1:{port}{parts.path}"

    def stop(self):
        if self.proxy:
            self.proxy.stop()


class NginxStore(HttpStore):
    """nginx: ranges of files, and what is put is swallowed. No leases."""

    leases = False

    def __init__(self, options, folder, latency):
        self.folder = os.path.join(folder, "nginx")
        os.makedirs(self.folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(NGINX.format(
                folder=folder, port=port,
                user=pwd.getpwuid(os.geteuid()).pw_name + " " +
                grp.getgrgid(os.getegid()).gr_name))
        self.process = subprocess.Popen([NGINX_PROGRAM, "-p", folder,
                                         "-e", "stderr", "-c", path],
                                        stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.wait_for(port)
        self.proxy, port = delay_line(options, port, latency)
        self.url = f"http://127.0.0.1:{port}"

    def wait_for(self, port):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except ConnectionRefusedError:
                if (time.monotonic() > deadline or
                        self.process.poll() is not None):
                    raise
            time.sleep(0.01)

    def create_blob(self, name, size):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.truncate(size)

    def stop(self):
        if self.proxy:
            self.proxy.stop()
        self.process.terminate()
        self.process.wait()


STORES = {"file": FileStore, "blob": BlobStore, "azurite": AzuriteStore,
          "nginx": NginxStore}
