# SPDX-License-Identifier: LGPL-2.1-or-later
# blob_service.py: the Blob service in plain requests, without our own code.
#
# For tests that need to know what the service itself does, and to make
# credentials. As a program, with the account's URL in AZURITE_ACCOUNT_URL and
# its key in AZURE_STORAGE_KEY:
#
#   blob_service.py create-container NAME
#   blob_service.py create-page-blob CONTAINER/NAME BYTES
#   blob_service.py sas account|container/NAME|blob/CONTAINER/BLOB
#   blob_service.py token
#
# sas and token print what they make, good for a day.

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse
import uuid

VERSION = "2021-12-02"


def sign(key, text):
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()


def timestamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def validity():
    now = datetime.datetime.now(datetime.timezone.utc)
    return (timestamp(now - datetime.timedelta(minutes=5)),
            timestamp(now + datetime.timedelta(days=1)))


def account_sas(account, key, permissions="rwdxlacup"):
    """For all of the account's blobs and containers."""
    start, end = validity()
    fields = {"sv": VERSION, "ss": "b", "srt": "sco", "sp": permissions,
              "st": start, "se": end, "spr": "https,http"}
    text = "\n".join([account, permissions, "b", "sco", start, end, "",
                      fields["spr"], VERSION, "", ""])
    return urllib.parse.urlencode({**fields, "sig": sign(key, text)})


def service_sas(account, key, path, permissions):
    """For a container ("name") or a blob ("container/name")."""
    start, end = validity()
    resource = "b" if "/" in path else "c"
    text = "\n".join([permissions, start, end, f"/blob/{account}/{path}", "",
                      "", "https,http", VERSION, resource, "", "", "", "", "",
                      "", ""])
    fields = {"sv": VERSION, "sr": resource, "sp": permissions, "st": start,
              "se": end, "spr": "https,http"}
    return urllib.parse.urlencode({**fields, "sig": sign(key, text)})


def token(seconds=86400):
    """A bearer token whose contents are right; nobody has signed it."""
    def part(value):
        text = json.dumps(value).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    now = int(time.time())
    claims = {"aud": "https://storage.azure.com", "iat": now - 300,
              "nbf": now - 300, "exp": now + seconds,
              "iss": f"https://sts.windows.net/{uuid.uuid4()}/",
              "oid": str(uuid.uuid4()), "jti": str(uuid.uuid4())}
    signature = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    return ".".join([part({"alg": "RS256", "typ": "JWT"}), part(claims),
                     signature])


class Service:
    """An account, by its URL; one connection, for one thread."""

    def __init__(self, url, key, cafile=None):
        parts = urllib.parse.urlsplit(url)
        self.account = parts.path.strip("/")
        self.key = key
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=cafile)
            self.connection = http.client.HTTPSConnection(parts.netloc,
                                                          context=context)
        else:
            self.connection = http.client.HTTPConnection(parts.netloc)

    def authorization(self, method, path, query, headers, length):
        given = {name.lower(): value for name, value in headers.items()}
        lines = [method, "", "", str(length or ""), "",
                 given.get("content-type", ""), "",
                 given.get("if-modified-since", ""), given.get("if-match", ""),
                 given.get("if-none-match", ""), "", given.get("range", "")]
        lines += [f"{name}:{given[name]}" for name in sorted(given)
                  if name.startswith("x-ms-")]
        # The emulator has the account in the path, so it is there twice.
        lines.append(f"/{self.account}/{self.account}/{path}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        return f"SharedKey {self.account}:{sign(self.key, chr(10).join(lines))}"

    def request(self, method, path, query=None, headers=None, body=b""):
        """(status, headers with names in lower case, body)"""
        query = query or {}
        date = datetime.datetime.now(datetime.timezone.utc)
        headers = {"x-ms-version": VERSION,
                   "x-ms-date": date.strftime("%a, %d %b %Y %H:%M:%S GMT"),
                   **(headers or {})}
        path = urllib.parse.quote(path)
        headers["Authorization"] = self.authorization(method, path, query,
                                                      headers, len(body))
        if method == "PUT":
            headers["Content-Length"] = str(len(body))
        target = f"/{self.account}/{path}"
        if query:
            target += "?" + urllib.parse.urlencode(query)
        try:
            answer = self.send(method, target, body, headers)
        except (ConnectionError, http.client.RemoteDisconnected):
            # It closes connections that nobody has used for some seconds.
            self.connection.close()
            answer = self.send(method, target, body, headers)
        return (answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read())

    def send(self, method, target, body, headers):
        self.connection.request(method, target, body or None, headers)
        return self.connection.getresponse()

    def must(self, *arguments, **more):
        answer = self.request(*arguments, **more)
        if answer[0] >= 300:
            raise RuntimeError(f"{arguments}: {answer[0]} "
                               f"{answer[1].get('x-ms-error-code')}")
        return answer

    def create_container(self, name):
        self.must("PUT", name, {"restype": "container"})


def environment_service():
    return Service(os.environ["AZURITE_ACCOUNT_URL"],
                   os.environ["AZURE_STORAGE_KEY"],
                   os.environ.get("AZURITE_CA"))


def main():
    service = environment_service()
    if sys.argv[1] == "create-container":
        service.create_container(sys.argv[2])
    elif sys.argv[1] == "create-page-blob":
        service.must("PUT", sys.argv[2],
                     headers={"x-ms-blob-type": "PageBlob",
                              "x-ms-blob-content-length": sys.argv[3]})
    elif sys.argv[1] == "token":
        print(token())
    elif sys.argv[2] == "account":
        print(account_sas(service.account, service.key))
    else:
        kind, _, path = sys.argv[2].partition("/")
        permissions = "racwdxl" if kind == "container" else "racwdx"
        print(service_sas(service.account, service.key, path, permissions))


if __name__ == "__main__":
    main()
