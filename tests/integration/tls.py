# SPDX-License-Identifier: MIT
"""Certificates made by the openssl program for one run, and clients over TLS."""
import os
import shutil
import ssl
import subprocess
import tempfile

import harness


class Authority:
    """An authority in a directory of its own, and the certificates that it signs."""

    def __init__(self, name="test authority"):
        self.directory = tempfile.mkdtemp(prefix="agora-tls-")
        self.ca = self.path("ca.pem")
        self._openssl("req", "-x509", *KEY, "-keyout", self.path("ca.key"), "-out", self.ca, "-days", "2",
                      "-subj", f"/CN={name}")

    def path(self, name):
        return os.path.join(self.directory, name)

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=harness.DEADLINE_S * 3)

    def issue(self, name, *alternatives, subject=None, days="2"):
        """Signs a certificate that ends in so many days; returns its file and that of its key."""
        certificate, key = self.path(name + ".pem"), self.path(name + ".key")
        request, extensions = self.path("request"), self.path("extensions")
        self._openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", subject or f"/CN={name}")
        with open(extensions, "w") as file:
            file.write("subjectAltName=" + ",".join(alternatives) + "\n" if alternatives else "")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.path("ca.key"),
                      "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", certificate)
        return certificate, key

    def server_options(self, name="server", *more):
        certificate, key = self.issue(name, "DNS:localhost", "IP:127.0.0.1")
        return ("--tls-cert", certificate, "--tls-key", key, *more)

    def context(self, certificate=None, version=None):
        """Returns a client's context. `certificate`: the files of a client certificate."""
        made = ssl.create_default_context(cafile=self.ca)
        if certificate:
            made.load_cert_chain(*certificate)
        if version:
            made.minimum_version = made.maximum_version = version
        return made

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def wrap(server, context):
    """Returns a connection over TLS."""
    return context.wrap_socket(server.connect(), server_hostname="localhost")
