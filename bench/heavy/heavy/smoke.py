"""Work that needs what the requirements bring: what loads here works in the image."""

import io
import json

import boto3
import jwt
import openai
import psycopg
import redis
import sentry_sdk
import stripe
import weasyprint
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import rsa
from django.http import HttpRequest, JsonResponse
from PIL import Image, ImageDraw, ImageFont
from rest_framework import serializers

from heavy.tasks import add


def draw_pdf() -> int:
    """Return the bytes of a page with text in a font."""
    page = weasyprint.HTML(string="<h1>Invoice</h1><p>Zoë ordered <b>two</b>: 42 €</p>").write_pdf(
        uncompressed_pdf=True
    )
    if not page.startswith(b"%PDF-") or b"/FontFile" not in page:
        raise ValueError("There is no text in the PDF.")
    return len(page)


def sign_token() -> str:
    """Return whom a token that is signed, encrypted, decrypted and verified names."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    box = Fernet(Fernet.generate_key())
    sealed = box.encrypt(jwt.encode({"sub": "ada"}, key, algorithm="RS256").encode())
    return str(jwt.decode(box.decrypt(sealed), key.public_key(), algorithms=["RS256"])["sub"])


def resize_image() -> list[int]:
    """Return the size of a picture that was drawn, shrunk, written as JPEG and WebP, and read again."""
    picture = Image.new("RGB", (640, 480), "navy")
    ImageDraw.Draw(picture).text((20, 20), "heavy", font=ImageFont.load_default(40))
    for kind in ("JPEG", "WEBP"):
        file = io.BytesIO()
        picture.resize((64, 48), Image.Resampling.LANCZOS).save(file, kind)
        picture = Image.open(io.BytesIO(file.getvalue())).convert("RGB")
    return list(picture.size)


def verify_webhook() -> str:
    """Return the type of an event that is signed as Stripe signs it."""
    body = json.dumps({"id": "evt_1", "object": "event", "type": "charge.succeeded", "api_version": "2026-01-01"})
    when, secret = 1_700_000_000, "whsec_smoke"
    signature = stripe.WebhookSignature._compute_signature(f"{when}.{body}", secret)  # noqa: SLF001  # no other way in
    stripe.WebhookSignature.verify_header(body, f"t={when},v1={signature}", secret)
    return str(json.loads(body)["type"])


def ask_clients() -> list[str]:
    """Return what clients of services say without being connected."""
    session = boto3.Session("smoke", "smoke", region_name="eu-central-1")
    storage = session.client("s3")
    link = storage.generate_presigned_url("get_object", Params={"Bucket": "smoke", "Key": "a"})
    model = openai.OpenAI(api_key="smoke").chat.completions.__class__.__name__
    pool = redis.ConnectionPool.from_url("redis://localhost:6379/0")
    query = psycopg.sql.SQL("select {}").format(psycopg.sql.Identifier("a")).as_string()
    sentry_sdk.init(dsn=None)
    return [link.partition("?")[0], model, type(pool).__name__, query, psycopg.pq.__impl__]


class _Order(serializers.Serializer):
    number = serializers.IntegerField(min_value=1)


def smoke(_request: HttpRequest) -> JsonResponse:
    """Answer what each part made; whatever does not load or work is a failure of the page."""
    order = _Order(data={"number": "42"})
    order.is_valid(raise_exception=True)
    return JsonResponse(
        {
            "pdf": draw_pdf(),
            "token": sign_token(),
            "image": resize_image(),
            "webhook": verify_webhook(),
            "clients": ask_clients(),
            "task": add.delay(40, 2).get(),
            "order": order.validated_data["number"],
        }
    )
