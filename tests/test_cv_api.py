import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvimprover.models import CV, Review

pytestmark = pytest.mark.django_db

TEXT = "Experience\n\nEngineer, Acme, Jan 2019 - Mar 2021\n- Responsible for tests\n"

# Hypothesis runs a test many times within one transaction, which is what these want.
fuzz = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
any_text = st.text(st.characters(exclude_categories=()), max_size=20)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def tolerant() -> Client:
    """A client that answers 500 where the default one raises."""
    return Client(raise_request_exception=False)


def make_cv(**fields: str) -> CV:
    return CV.objects.create(**{"name": "Ada Lovelace", "title": "Programmer", "text": TEXT, **fields})


def post(client: Client, body: Any, path: str = "/api/cvs/", **headers: str) -> Any:
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(path, content, **{"content_type": "application/json", **headers})  # type: ignore[arg-type]


def fields_of(response: Any) -> dict[str, str]:
    return {item["field"]: item["message"] for item in response.json()["error"]["fields"]}


@pytest.mark.parametrize("path", ["/api/cvs/", "/api/cvs"])
def test_create_stores_the_cv_and_says_where_it_is(client: Client, path: str) -> None:
    response = post(client, {"name": " Ada Lovelace ", "title": "Programmer", "text": TEXT}, path)
    cv = CV.objects.get()
    assert response.status_code == 201
    assert response.json()["name"] == cv.name == "Ada Lovelace"
    assert response["Location"] == f"/api/cvs/{cv.pk}"
    assert client.get(response["Location"]).json() == response.json()


def test_create_needs_no_title_and_makes_line_ends_uniform(client: Client) -> None:
    response = post(client, {"name": "Ada", "text": "a\r\nb\rc"})
    assert (response.json()["title"], response.json()["text"]) == ("", "a\nb\nc")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", None, "must be a string, not null"),
        ("name", 10**400, "must be a string, not a number"),
        ("name", True, "must be a string, not a boolean"),
        ("name", ["Ada"], "must be a string, not an array"),
        ("name", "  ", "is empty"),
        ("name", "x" * 201, "has 201 characters; at most 200 are allowed"),
        ("name", "Ada\nLovelace", "must be one line without control characters"),
        ("title", "x" * 201, "has 201 characters; at most 200 are allowed"),
        ("title", {"a": 1}, "must be a string, not an object"),
        ("text", " \n", "is empty"),
        ("text", "x" * 100_001, "has 100001 characters; at most 100000 are allowed"),
        ("text", "a\0b", "holds a NUL character at position 1"),
        ("text", "a\ud800", "holds half of a surrogate pair at position 1"),
        ("email", "a@b.c", "is not a field; the fields are name, title and text"),
    ],
)
def test_create_names_the_field_that_is_wrong(client: Client, field: str, value: Any, message: str) -> None:
    response = post(client, {"name": "Ada", "title": "", "text": TEXT} | {field: value})
    assert response.status_code == 400
    assert fields_of(response) == {field: message}
    assert not CV.objects.exists()


def test_create_names_every_field_that_is_missing(client: Client) -> None:
    assert fields_of(post(client, {})) == {"name": "is missing", "text": "is missing"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (" ", "The body is not JSON: Expecting value at line 1, column 2."),
        ('{"name": NaN}', "The body is not JSON: it holds NaN."),
        ('{"name": "a", "name": "b"}', "The body has the key name twice."),
        ("[" * 100_000, "The body is nested too deeply."),
        ('{"name": ' + "9" * 5000 + "}", "The body holds a number that is too long."),
        ("[]", "The body must be a JSON object, not an array."),
        (b"\xff\xfe", "The body is not UTF-8: byte 0 is wrong."),
    ],
)
def test_create_says_what_is_wrong_with_the_body(client: Client, body: str | bytes, message: str) -> None:
    response = post(client, body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, message)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=latin-1", ""],
)
def test_create_takes_json_only(client: Client, content_type: str) -> None:
    assert post(client, "{}", content_type=content_type).status_code == 415


def test_a_body_of_a_megabyte_is_taken_and_a_larger_one_refused(client: Client) -> None:
    fits = json.dumps({"name": "Ada", "text": "й" * 100_000}).ljust(1_000_000)
    assert post(client, fits).status_code == 201
    assert post(client, fits + " ").status_code == 413


@pytest.mark.parametrize(
    ("length", "status"), [("abc", 400), ("-1", 400), ("٣", 400), ("1000001", 413), ("9" * 5000, 413)]
)
def test_a_wrong_content_length_is_refused(tolerant: Client, length: str, status: int) -> None:
    assert post(tolerant, "{}", CONTENT_LENGTH=length).status_code == status
    assert post(tolerant, "{}", f"/api/cvs/{make_cv().pk}/improve", CONTENT_LENGTH=length).status_code == status


def test_a_body_without_a_length_is_refused(client: Client) -> None:
    assert post(client, "{}", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked").status_code == 411


def test_list_gives_the_newest_first_in_pages(client: Client) -> None:
    for number in range(5):
        make_cv(name=f"Person {number}")
    first = client.get("/api/cvs/?page_size=2").json()
    last = client.get("/api/cvs?page=3&page_size=2").json()
    assert [cv["name"] for cv in first["results"]] == ["Person 4", "Person 3"]
    assert [cv["name"] for cv in last["results"]] == ["Person 0"]
    assert (first["count"], first["pages"], first["page"], first["page_size"]) == (5, 3, 1, 2)
    assert "text" not in first["results"][0]
    assert client.get("/api/cvs/?page=1000000000").json()["results"] == []


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "", "x", "٣", "9" * 30, "%00", "1 OR 1=1"])
@pytest.mark.parametrize("name", ["page", "page_size"])
def test_list_refuses_a_wrong_page(client: Client, name: str, value: str) -> None:
    response = client.get(f"/api/cvs/?{name}={value}")
    assert response.status_code == 400
    assert list(fields_of(response)) == [name]


def test_read_gives_the_newest_reviews(client: Client) -> None:
    cv = make_cv()
    reviews = [Review.objects.create(cv=cv, score=score, result={}) for score in range(7)]
    assert [item["score"] for item in client.get(f"/api/cvs/{cv.pk}/").json()["reviews"]] == [6, 5, 4, 3, 2]
    listed = client.get(f"/api/cvs/{cv.pk}/reviews/?page_size=1&page=7").json()
    assert (listed["count"], listed["results"][0]["id"]) == (7, reviews[0].pk)


def test_delete_takes_the_reviews_along(client: Client) -> None:
    cv = make_cv()
    post(client, "", f"/api/cvs/{cv.pk}/improve")
    response = client.delete(f"/api/cvs/{cv.pk}/")
    assert (response.status_code, response.content) == (204, b"")
    assert not CV.objects.exists()
    assert not Review.objects.exists()
    assert client.delete(f"/api/cvs/{cv.pk}/").status_code == 404


@pytest.mark.parametrize("slash", ["", "/"])
def test_improve_stores_the_review_that_it_answers(client: Client, slash: str) -> None:
    cv = make_cv()
    response = client.post(f"/api/cvs/{cv.pk}/improve{slash}")
    answer = response.json()
    review = Review.objects.get()
    assert response.status_code == 201
    assert (answer["id"], answer["cv"], answer["score"]) == (review.pk, cv.pk, review.score)
    assert answer["score"] == sum(part["points"] for part in answer["parts"])
    weak = next(item for item in answer["suggestions"] if item["rule"] == "weak-verb")
    assert (weak["line"], weak["excerpt"]) == (4, "Responsible for tests")
    assert client.get(f"/api/cvs/{cv.pk}/reviews").json()["results"] == [answer]


@pytest.mark.parametrize("key", ["0", "99", "9" * 18, "9" * 19, str(2**63), "9" * 5000])
@pytest.mark.parametrize("rest", ["", "/", "/improve", "/pdf", "/reviews"])
def test_an_unknown_cv_is_not_found(tolerant: Client, key: str, rest: str) -> None:
    method = tolerant.post if rest == "/improve" else tolerant.get
    response = method(f"/api/cvs/{key}{rest}")
    assert response.status_code == 404
    assert response.json()["error"]["message"].startswith("There is no CV")


@pytest.mark.parametrize("path", ["/api/", "/api/cvs/abc", "/api/cvs/٣/", "/api/cvs/1/other", "/api/cvs//"])
def test_an_unknown_address_of_the_api_is_not_found_in_json(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["error"]["status"]) == (404, 404)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/api/cvs/", "GET, HEAD, POST"),
        ("POST", "/api/cvs/1/", "DELETE, GET, HEAD"),
        ("GET", "/api/cvs/1/improve", "POST"),
        ("DELETE", "/api/cvs/1/pdf", "GET, HEAD"),
        ("OPTIONS", "/api/cvs/1/reviews", "GET, HEAD"),
        ("BREW", "/api/cvs", "GET, HEAD, POST"),
    ],
)
def test_a_wrong_method_is_refused(client: Client, method: str, path: str, allow: str) -> None:
    response = client.generic(method, path)
    assert (response.status_code, response["Allow"]) == (405, allow)
    assert response.json()["error"]["status"] == 405


def test_head_answers_as_get_without_a_body(client: Client) -> None:
    response = client.head("/api/cvs/")
    assert (response.status_code, response.content) == (200, b"")


def test_a_malformed_host_is_refused_in_json(client: Client) -> None:
    response = client.get("/api/cvs/", headers={"host": "evil.example"})
    assert (response.status_code, response.json()["error"]["status"]) == (400, 400)


def test_a_database_that_fails_is_unavailable(tolerant: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cvimprover_cv RENAME TO elsewhere")
    response = tolerant.get("/api/cvs/")
    connection.set_rollback(True)
    if connection.vendor == "sqlite":  # PostgreSQL calls a missing table a mistake of the program
        assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_the_home_page_lists_recent_cvs(client: Client) -> None:
    assert b"None yet" in client.get("/").content
    make_cv(name="<b>Ada</b>")
    page = client.get("/").content.decode()
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert client.post("/").status_code == 405
    assert client.get("/nothing").status_code == 404


@fuzz
@given(body=any_json | st.fixed_dictionaries({"name": any_text, "text": any_text}))
def test_no_json_makes_the_service_fail(tolerant: Client, body: Any) -> None:
    response = post(tolerant, json.dumps(body))
    assert response.status_code in {201, 400}
    if response.status_code == 201:
        stored = response.json()
        assert tolerant.get(stored["url"]).json()["text"] == body["text"].replace("\r\n", "\n").replace("\r", "\n")
        assert tolerant.post(f"{stored['url']}/improve").status_code == 201
        assert tolerant.get("/").status_code == 200


@fuzz
@given(body=st.binary(min_size=1, max_size=50))
def test_no_bytes_make_the_service_fail(tolerant: Client, body: bytes) -> None:
    assert post(tolerant, body).status_code == 400


@fuzz
@given(query=st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")), path=any_text)
def test_no_address_makes_the_service_fail(tolerant: Client, query: str, path: str) -> None:
    raw_path = path.encode("utf-8", "surrogatepass").decode("latin-1")
    for address in ("/api/cvs/", f"/api/cvs/{raw_path}", f"/{raw_path}"):
        request = RequestFactory().get("/api/cvs/").environ | {"PATH_INFO": address, "QUERY_STRING": query}
        response = tolerant.request(**request)
        assert response.status_code < 500
