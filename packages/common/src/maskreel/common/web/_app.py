"""The addresses of the server: the page, and what its script asks for."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from maskreel.common.errors import InputError
from maskreel.common.json_file import parse_json
from maskreel.common.web._guard import Guard
from maskreel.common.web._jobs import Job, Jobs, chosen_of
from maskreel.common.web._upload import receive, shown_name, size_in_words, stored_name, too_large

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from maskreel.common.web._describe import FileInput, WebPage

_STATIC = Path(__file__).parent / "page"
_ASSETS = {
    "": ("index.html", "text/html"),
    "app.js": ("app.js", "text/javascript"),
    "style.css": ("style.css", "text/css"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
_LONGEST_BODY = 1 << 14
_REPORT_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; sandbox"
"""For pages that commands have written: shown, but without scripts and without access to this page."""


def make_app(pages: Mapping[str, WebPage], folder: Path, *, port: int, secret: str, max_bytes: int) -> Starlette:
    """The server as an ASGI application.

    Args:
        pages: by name, in the order in which they are offered.
        folder: where uploads and results go; everything in it is deleted at the end.
        port: at which it is reached; part of the addresses that are answered.
        secret: first part of every path.
        max_bytes: of one upload.
    """
    desk = _Desk(pages, Jobs(folder), max_bytes)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await desk.jobs.close()

    return Starlette(
        routes=[Mount(f"/{secret}", routes=desk.routes())],
        middleware=[Middleware(Guard, port=port)],
        exception_handlers={
            HTTPException: _refusal,
            InputError: _input_error,
            ClientDisconnect: _nobody_there,
            404: _unknown,
        },
        lifespan=lifespan,
    )


class _Desk:
    """What is done with requests."""

    def __init__(self, pages: Mapping[str, WebPage], jobs: Jobs, max_bytes: int) -> None:
        self.pages, self.jobs, self.max_bytes = pages, jobs, max_bytes

    def routes(self) -> list[Route]:
        job, file = "/jobs/{job}", "/jobs/{job}/files/{input}"
        return [
            *(Route(f"/{name}", self.asset, methods=["GET"], name=name) for name in _ASSETS),
            Route("/pages", self.describe, methods=["GET"]),
            Route("/jobs", self.create, methods=["POST"]),
            Route(job, self.show, methods=["GET"]),
            Route(job, self.remove, methods=["DELETE"]),
            Route(f"{job}/cancel", self.cancel, methods=["POST"]),
            Route(f"{job}/steps/{{step}}", self.start, methods=["POST"]),
            Route(file, self.upload, methods=["PUT"]),
            Route(file, self.drop_file, methods=["DELETE"]),
            Route(file, self.show_file, methods=["GET"]),
            Route(f"{job}/results/{{result}}", self.send_result, methods=["GET"]),
        ]

    async def asset(self, request: Request) -> Response:
        file, media_type = _ASSETS[request.scope["path"].rpartition("/")[2]]
        return FileResponse(_STATIC / file, media_type=media_type)

    async def describe(self, _: Request) -> Response:
        about = {name: _described(page) for name, page in self.pages.items()}
        return JSONResponse({"pages": about, "maxBytes": self.max_bytes, "tooLarge": too_large(self.max_bytes).detail})

    async def create(self, request: Request) -> Response:
        wanted = (await _body(request)).get("page")
        if not isinstance(wanted, str) or wanted not in self.pages:
            raise InputError(f"there is no page {wanted!r}; there is {', '.join(self.pages)}")
        return JSONResponse(self.jobs.create(self.pages[wanted]).state(), status_code=201)

    async def show(self, request: Request) -> Response:
        job = self._job(request)
        return JSONResponse(job.state() | {"results": _results(job)})

    async def remove(self, request: Request) -> Response:
        await self.jobs.remove(self._job(request))
        return Response(status_code=204)

    async def cancel(self, request: Request) -> Response:
        await self.jobs.cancel(self._job(request))
        return await self.show(request)

    async def start(self, request: Request) -> Response:
        job = self._idle_job(request)
        step = next((one for one in job.page.steps if one.key == request.path_params["step"]), None)
        if step is None:
            raise HTTPException(404)
        if missing := job.missing():
            raise InputError(f"there is no file yet for: {', '.join(missing)}")
        chosen = chosen_of(job.page, await _body(request))
        if job.busy:  # asked for twice while the body was read
            raise _busy()
        self.jobs.start(job, step, chosen)
        return await self.show(request)

    async def upload(self, request: Request) -> Response:
        job, wanted = self._idle_job(request), self._input(request)
        name = shown_name(request.query_params.get("name", ""), wanted)
        stored = stored_name(name, wanted)
        await receive(request, job.folder / stored, max_bytes=self.max_bytes)
        job.add_file(wanted, name, stored)
        return await self.show(request)

    async def drop_file(self, request: Request) -> Response:
        self._idle_job(request).remove_file(self._input(request).key)
        return await self.show(request)

    async def show_file(self, request: Request) -> Response:
        job, key = self._job(request), self._input(request).key
        if key not in job.stored:
            raise HTTPException(404)
        return FileResponse(job.folder / job.stored[key])

    async def send_result(self, request: Request) -> Response:
        job = self._job(request)
        result = job.result(request.path_params["result"])
        path = None if result is None else job.path_of(result)
        if result is None or path is None:
            raise HTTPException(404)
        policy = {"content-security-policy": _REPORT_POLICY} if result.kind == "page" else {}
        name = _download_name(job, path) if "download" in request.query_params else None
        return FileResponse(path, headers=policy, filename=name)

    def _job(self, request: Request) -> Job:
        job = self.jobs.get(request.path_params["job"])
        if job is None:
            raise HTTPException(404, "This job is gone; begin anew.")
        return job

    def _idle_job(self, request: Request) -> Job:
        job = self._job(request)
        if job.busy:
            raise _busy()
        return job

    def _input(self, request: Request) -> FileInput:
        job, key = self._job(request), request.path_params["input"]
        found = next((one for one in job.page.inputs if one.key == key), None)
        if found is None:
            raise HTTPException(404)
        return found


def _busy() -> HTTPException:
    return HTTPException(409, "This job is being worked on; wait, or cancel it first.")


def _described(page: WebPage) -> dict[str, Any]:
    """A page as its script needs it; what commands are made of stays here."""
    steps = [
        {name: getattr(step, name) for name in ("key", "title", "about", "button", "again", "stages")}
        | {"atOnce": step.at_once, "choices": [vars(choice) for choice in step.choices]}
        for step in page.steps
    ]
    return {"title": page.title, "about": page.about, "inputs": [vars(one) for one in page.inputs], "steps": steps}


def _results(job: Job) -> dict[str, list[dict[str, Any]]]:
    """What the steps that are done have left."""
    return {
        step.key: [
            {"key": one.key, "label": one.label, "kind": one.kind, "beside": one.beside, "download": one.download}
            | {"name": _download_name(job, path), "size": size_in_words(path.stat().st_size)}
            | {"stamp": str(path.stat().st_mtime_ns)}
            for one in step.results
            if (path := job.path_of(one)) is not None
        ]
        for step in job.page.steps
        if step.key in job.done
    }


def _download_name(job: Job, path: Path) -> str:
    """The name of a result, with the name that the first file has for the person who gave it."""
    first = job.page.inputs[0].key
    stem = Path(job.names.get(first, first)).stem
    return stem + path.name.removeprefix(first) if path.name.startswith(f"{first}.") else f"{stem}.{path.name}"


async def _body(request: Request) -> dict[str, Any]:
    """A small JSON object."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise HTTPException(413, "The request is too long.")
    value = parse_json(body or b"{}", source="the request")
    if not isinstance(value, dict):
        raise InputError("the request must be a JSON object")
    return value


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


async def _input_error(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _nobody_there(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # the browser has gone; what it was sending is thrown away


async def _unknown(_: Request, error: Exception) -> Response:
    detail = error.detail if isinstance(error, HTTPException) else ""
    sentence = detail if detail != "Not Found" else "There is nothing here; open the address that maskreel web printed."
    return JSONResponse({"error": sentence}, status_code=404)
