"""With the nginx of `deploy/nginx/` before Dagster nothing is shown without the login, and analysts launch nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Error, expect

from tests.browser import PICTURES, chromium
from tests.operating.conftest import LastNights
from tests.operating.login import PASSWORDS, USERS, Login, handshake, nginx
from tests.operating.running import LAUNCH_BACKFILL, LAUNCH_RUN

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.postgresql,
    pytest.mark.xdist_group("operating"),
    pytest.mark.timeout(600),
]

SLOW_MS = 120_000
EVERY_DOOR = pytest.mark.parametrize("door", USERS)
PATHS = ("/", "/runs", "/server_info", "/graphql?query={version}", "/logs/x", "/download_debug/x", "/notebook")
WRONG = [(None, None), ("operators", "wrong"), ("nobody", "wrong")]
START_SCHEDULE = """
mutation { startSchedule(scheduleSelector: {repositoryLocationName: "inode_pipeline", repositoryName: "__repository__",
  scheduleName: "nightly_sync"}) { __typename } }
"""
TERMINATE_RUN = """
mutation Terminate($runId: String!) { terminateRun(runId: $runId) { ... on TerminateRunFailure { message } } }
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def login(deployment: LastNights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    """The address of nginx before the deployment's webserver, and before a second one, which only reads."""
    analysts = deployment.processes.start_analysts_webserver()
    webservers = {"operators": httpx.URL(deployment.address).port or 0, "analysts": analysts}
    with nginx(tmp_path_factory.mktemp("nginx"), webservers) as login:
        yield login
    deployment.processes.stop("analysts")


@pytest.fixture(scope="module")
def run(deployment: LastNights) -> str:
    """The id of a run that has ended well."""
    run = deployment.launch(deployment.landed[0])
    assert deployment.end_of(run) == "SUCCESS"
    return run


@EVERY_DOOR
@pytest.mark.parametrize(("user", "password"), WRONG)
def test_no_page_and_no_graphql_without_the_login(login: Login, door: str, user: str, password: str) -> None:
    """Every address answers 401, and nothing of Dagster, to no password and to a wrong one."""
    with login.client(door, user, password) as client:
        answers = [client.get(path) for path in PATHS] + [client.post("/graphql", json={"query": "{ version }"})]
    assert {answer.status_code for answer in answers} == {401}
    assert not any("dagster" in answer.text.lower() for answer in answers)


@EVERY_DOOR
def test_no_websocket_without_the_login(login: Login, door: str) -> None:
    """The handshake is answered 401 without a password, and opened with it."""
    with login.client(door) as stranger, login.client(door, door) as known:
        assert [handshake(stranger), handshake(known)] == [401, 101]


def test_a_password_opens_its_own_door_only(login: Login) -> None:
    """An analyst's password is refused where runs are launched."""
    assert {door: login.status(door, "analysts") for door in USERS} == {"operators": 401, "analysts": 200}


def test_plain_http_is_refused(login: Login) -> None:
    """No password is asked for on a connection that is not encrypted."""
    answer = httpx.get(login.addresses["operators"].replace("https", "http"))
    assert (answer.status_code, "www-authenticate" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_site_makes_a_browser_send_is_refused(login: Login, headers: dict[str, str]) -> None:
    """A browser adds the password to it, and a query in the address would be executed."""
    with login.client("operators", "operators") as client:
        found = client.get("/graphql", params={"query": "{ version }"}, headers=headers).status_code
        assert [found, handshake(client, **headers)] == [403, 403]
        own = {"Origin": login.addresses["operators"], "Sec-Fetch-Site": "same-origin"}
        assert client.get("/graphql", params={"query": "{ version }"}, headers=own).status_code == 200
        assert client.post("/report_asset_materialization/links", headers=own).status_code == 403


def test_analysts_cannot_launch(login: Login, deployment: LastNights, run: str) -> None:
    """Their webserver refuses a run, a backfill, the switch of a schedule and the end of a run."""
    before = {run["runId"] for run in deployment.runs()}
    days = (deployment.landed[0],)
    asked: list[dict[str, Any]] = [
        {"query": LAUNCH_RUN, "variables": {"executionParams": deployment.run_form(deployment.landed[0])}},
        {"query": LAUNCH_BACKFILL, "variables": {"backfillParams": deployment.backfill_form("job", days)}},
        {"query": START_SCHEDULE},
    ]
    with login.client("analysts", "analysts") as client:
        answers = [client.post("/graphql", json=question).json() for question in asked]
        terminated = client.post("/graphql", json={"query": TERMINATE_RUN, "variables": {"runId": run}}).json()
    assert [typename(answer) for answer in answers] == ["UnauthorizedError"] * 3
    assert terminated["data"]["terminateRun"] == {"message": "You do not have permission to terminate this run"}
    assert {run["runId"] for run in deployment.runs()} == before


def typename(answer: Any) -> str:
    """What kind of result a mutation had."""
    [result] = answer["data"].values()
    return str(result["__typename"])


@EVERY_DOOR
def test_a_browser_without_the_password_sees_nothing(login: Login, browser: Browser, door: str) -> None:
    """Neither the page nor a websocket to it is opened."""
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        assert page.evaluate(OPENED, login.addresses[door].replace("https", "wss")) is False
        with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
            page.goto(f"{login.addresses[door]}/runs")


@EVERY_DOOR
def test_with_the_password_the_ui_works_and_uses_its_websocket(
    login: Login, run: str, browser: Browser, door: str
) -> None:
    """A run's page reads the run's log over its websocket; the button that launches works for operators only."""
    credentials = {"username": door, "password": PASSWORDS[door]}
    with browser.new_context(
        ignore_https_errors=True, http_credentials=credentials, base_url=login.addresses[door]
    ) as context:
        page = context.new_page()
        page.set_default_timeout(SLOW_MS)
        received: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(str(frame))))
        page.goto(f"/runs/{run}")
        expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible(timeout=SLOW_MS)
        page.screenshot(path=PICTURES / f"login-{door}.png")
        assert any("pipelineRunLogs" in frame for frame in received)
        page.goto("/locations/inode_pipeline/jobs/sync_links")
        button = page.locator("button", has_text="Materialize all").first
        expect(button).to_be_visible(timeout=SLOW_MS)
        if door == "operators":
            expect(button).to_be_enabled(timeout=SLOW_MS)
        else:
            page.wait_for_timeout(2000)  # what the user may do is asked after the page is shown
            expect(button).to_be_disabled()


def test_another_sites_page_opens_no_websocket(login: Login, browser: Browser) -> None:
    """Not even in a browser that has the password."""
    with browser.new_context(
        ignore_https_errors=True, http_credentials={"username": "operators", "password": PASSWORDS["operators"]}
    ) as context:
        page = context.new_page()
        page.goto(f"{login.addresses['operators']}/server_info")
        assert page.evaluate(OPENED, login.addresses["operators"].replace("https", "wss")) is True
        page.goto(f"{login.addresses['operators']}/server_info".replace("127.0.0.1", "localhost"))
        assert page.evaluate(OPENED, login.addresses["operators"].replace("https", "wss")) is False


OPENED = """address => new Promise(resolve => {
  const socket = new WebSocket(address + '/graphql', 'graphql-ws');
  socket.onopen = () => resolve(true);
  socket.onerror = () => resolve(false);
})"""
