"""Prints the webhooks that arrive at http://127.0.0.1:8090 and are the exchange's: receiver.py SECRET [PORT].

Verified with `standardwebhooks`, which the exchange's authors have not written: `pip install standardwebhooks`.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            message = Webhook(sys.argv[1]).verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            print(f"not the exchange's: {error}", flush=True)
            return self.answer(401)
        contact = message["data"].get("contact") or {}
        print("verified", message["type"], message["object"], *contact.get("phones", []), flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


port = int(sys.argv[2]) if len(sys.argv) > 2 else 8090
HTTPServer(("127.0.0.1", port), Receiver).serve_forever()
