"""The certificate of a hosted form's consent, checked as anybody can: with PyPI's cryptography and the key that the exchange publishes."""

import base64
import hashlib
import json
import os
import pathlib
import re
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SERVER = os.environ["CLEARLEAD_URL"].rstrip("/")
REGISTER = """mutation Register($input: OrganizationRegisterInput!) {
  organizationRegister(input: $input) { session { accessToken } userErrors { message } } }"""
CREATE = """mutation Create($input: FormCreateInput!) {
  formCreate(input: $input) { form { id } userErrors { message path } } }"""
PUBLISH = """mutation Publish($input: FormPublishInput!) {
  formPublish(input: $input) { form { publishedVersion } userErrors { message path } } }"""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect)


def ask(query, variables, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = json.dumps({"query": query, "variables": {"input": variables}}).encode()
    answer = json.load(opener.open(urllib.request.Request(f"{SERVER}/graphql", body, headers), timeout=20))
    (payload,) = answer["data"].values()
    assert not payload["userErrors"], payload
    return payload


def get(path):
    return json.load(opener.open(urllib.request.Request(SERVER + path, headers={"Accept": "application/json"}), timeout=20))


def published_form():
    unique = secrets.token_hex(8)
    owner = {
        "name": f"Conformance {unique}",
        "country": "PT",
        "ownerName": "Conformance",
        "email": f"conformance-{unique}@clearlead.example",
        "password": f"correct horse {unique}",
    }
    token = ask(REGISTER, owner)["session"]["accessToken"]
    content = json.loads(pathlib.Path(__file__).with_name("form.json").read_text(encoding="utf-8"))
    form = ask(CREATE, {"name": "Conformance", "vertical": "travel/tour", "content": content}, token)["form"]["id"]
    assert ask(PUBLISH, {"formId": form}, token)["form"]["publishedVersion"] == 1
    return form


def filled(form):
    """Opens the form and sends it, as a browser without JavaScript does; answers the certificate's id."""
    opened = opener.open(f"{SERVER}/f/{form}", timeout=20).read().decode()
    answers = {
        "destination_country": "Greece",
        "nights": "7",
        "adults": "2",
        "name": "Kari Nordmann",
        "phone": f"9{secrets.randbelow(9_000_000) + 1_000_000}",
        "_consent": "yes",
        "_ticket": re.search(r'name="_ticket" value="([^"]+)"', opened)[1],
    }
    try:
        opener.open(f"{SERVER}/f/{form}", urllib.parse.urlencode(answers).encode(), timeout=20)
    except urllib.error.HTTPError as sent:
        assert sent.code == 303, (sent.code, sent.read())
        location = urllib.parse.urlsplit(sent.headers["Location"])
        return urllib.parse.parse_qs(location.query)["c"][0]
    raise AssertionError("the form was shown again")


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_signed(certificate, keys):
    """Whether one of the published keys signed these words."""
    key = next((key for key in keys["keys"] if key["kid"] == certificate["key_id"]), None)
    if key is None:
        return False
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519"), key
    try:
        public = Ed25519PublicKey.from_public_bytes(unpadded(key["x"]))
        public.verify(unpadded(certificate["signature"]), certificate["payload"].encode())
    except InvalidSignature:
        return False
    return True


def is_about(certificate):
    """Whether the words that were shown are those that the certificate is about."""
    shown = json.loads(certificate["payload"])["shown"]
    return shown["text_sha256"] == hashlib.sha256(certificate["shown_text"].encode()).hexdigest()


passed = failed = 0


def check(name, test):
    global passed, failed
    try:
        test()
        passed += 1
    except Exception as error:  # a failed check is counted, whatever failed
        failed += 1
        print(f"FAILED Python cryptography: {name}: {error!r}")


def main():
    certificate = get(f"/certificates/{filled(published_form())}")
    keys = get("/certificates/keys")

    def signed():
        assert certificate["algorithm"] == "Ed25519", certificate
        assert is_signed(certificate, keys) and certificate["valid"], certificate

    def about():
        assert is_about(certificate), certificate
        assert "Yes, call me about tours that fit my answers." in certificate["shown_text"], certificate

    def tampered():
        later = re.sub(r'"seconds_after_shown":\d+', '"seconds_after_shown":3600', certificate["payload"])
        assert later != certificate["payload"]
        signature = bytearray(unpadded(certificate["signature"]))
        signature[0] ^= 1
        other = base64.urlsafe_b64encode(signature).decode().rstrip("=")
        for changed in ({"payload": later}, {"payload": certificate["payload"] + " "}, {"signature": other}, {"key_id": "another"}):
            assert not is_signed(certificate | changed, keys), changed
        assert not is_about(certificate | {"shown_text": certificate["shown_text"].replace("Yes", "No")})

    def anonymous():
        assert "Nordmann" not in json.dumps(certificate), certificate

    check("a published key signed it", signed)
    check("it is about the words that were shown", about)
    check("a tampered copy is refused", tampered)
    check("it names nobody", anonymous)
    print(f"Python cryptography: {passed} passed, {failed} failed")
    print(f"TOTAL {passed} {failed}")
    return 0 if failed == 0 else 1


sys.exit(main())
