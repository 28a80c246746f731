"""A bucket of S3, or of a server that speaks its protocol, as a place for a store.

Endpoint, region and credentials are those of the usual environment (``AWS_ENDPOINT_URL``, ``AWS_PROFILE``, ...). What
is said of a failure is our own sentence: the client's may hold an address with a password in it.

An object is written by one PUT with ``If-None-Match: *``, however large it is: the server refuses where the name is
taken, with 412, and it does so atomically (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
An upload in parts is conditional at its end only, and not on every server, so there is none.
"""

from __future__ import annotations

import functools
import random
import re
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from compat.errors import StoreError, UsageError

if TYPE_CHECKING:
    from s3fs import S3FileSystem

__all__ = ["BucketObjects"]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_ONE_PUT = 5 << 30  # bytes: S3 takes no more in one PUT, and a blob may not be larger
_CHECK = ".written-once"  # an object that is there to be refused a second time
_WRITER = "writer"  # the metadata that says whose write it was
_AT_ONCE = 32  # objects that are read or written at once
_TRIES = 8  # of a write that another one to the same name collides with (409)

_TAKEN = frozenset({"PreconditionFailed", "412"})
_COLLIDED = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
_GONE = frozenset({"NoSuchKey", "404"})
_REASONS = {
    "NoSuchBucket": ("there is no such bucket", "make it first"),
    "NotImplemented": ("the server does not know conditional writes", "use one that does, or a folder"),
    "501": ("the server does not know conditional writes", "use one that does, or a folder"),
    "EntityTooLarge": ("it is too large for one write", "this place takes 5 GiB at most"),
}
_REFUSED = "access is refused", "look at the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, ...) and the bucket's rights"
_SILENT = "the server does not answer", "look at the network, and at AWS_ENDPOINT_URL"


class BucketObjects:
    """Objects of a bucket whose keys begin with a prefix."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        if not _BUCKET.fullmatch(bucket):
            raise UsageError("s3://", "this is no address of a bucket", "write s3://BUCKET/PREFIX, without credentials")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.where = f"s3://{bucket}/{self._prefix}".rstrip("/")
        self._listing: list[str] = []  # the names that were listed last, in order
        self._ahead: dict[str, bytes] = {}  # documents that were read before they were asked for
        self._conditional = False  # whether we have seen that the server heeds the condition

    @functools.cached_property
    def _files(self) -> S3FileSystem:
        try:
            from s3fs import S3FileSystem
        except ImportError:
            remedy = "pip install 'gpu-compat[s3]'"
            raise UsageError(self.where, "is in a bucket, and s3fs is not installed", remedy) from None
        # Nothing is cached: others write too. One instance is ours alone, since a fork may use another. An object is
        # read by one GET, and in one part: that is the concurrency.
        return S3FileSystem(
            skip_instance_cache=True, use_listings_cache=False, max_concurrency=1, config_kwargs={"read_timeout": 60}
        )

    def make(self) -> None:
        """StoreError where the server does not refuse to write over what is there."""
        self._check()

    def put(self, name: str, data: bytes) -> bool:
        """Write a new object; False if the name is taken. StoreError when the server refuses."""
        self._check()
        return self._create(name, data)

    def _check(self) -> None:
        """Write the same object until it is refused: at the second time, unless the server ignores the condition."""
        if self._conditional:
            return
        if self._create(_CHECK, b"") and self._create(_CHECK, b""):
            what = "the server writes over what is there (it ignores If-None-Match: *): of two writers both would win"
            raise StoreError(self.where, what, "use a server that heeds it, or a folder")
        self._conditional = True

    def _create(self, name: str, data: bytes) -> bool:
        ours = uuid4().hex
        if len(data) >= _ONE_PUT:
            raise StoreError(self.address(name), "cannot be written: it has 5 GiB or more", "use a folder")
        for attempt in range(_TRIES):
            try:
                self._files.pipe_file(
                    self._path(name), data, chunksize=_ONE_PUT, mode="create", Metadata={_WRITER: ours}
                )
            except _errors() as problem:
                code = _code(problem)
                if code in _TAKEN or isinstance(problem, FileExistsError):
                    # Where an answer is lost the client asks again: then it is we who have the name.
                    return self._writer(name) == ours
                if code not in _COLLIDED or attempt + 1 == _TRIES:
                    raise self._said(name, "written", problem) from None
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - so that two do not meet again
            else:
                return True
        return False

    def _writer(self, name: str) -> str:
        head = self._head(name)
        return "" if head is None else str(head.get("Metadata", {}).get(_WRITER, ""))

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._files.call_s3("head_object", Bucket=self._bucket, Key=self._prefix + name)
        except _errors() as problem:
            if _code(problem) in _GONE:
                return None
            raise self._said(name, "read", problem) from None
        return found

    def put_many(self, documents: Iterable[tuple[str, bytes]]) -> int:
        """Write what is new of many (name, data), some at once; how many."""
        self._check()
        new, rest = 0, iter(documents)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while batch := list(islice(rest, 4 * _AT_ONCE)):
                new += sum(pool.map(self._create, *zip(*batch, strict=True)))
        return new

    def get(self, name: str) -> bytes | None:
        """What the object holds; None if there is none.

        Of documents that were listed the next ones are read at once: what is written under a name never changes.
        """
        if name in self._ahead:
            return self._ahead.pop(name)
        at = bisect_left(self._listing, name)
        if not name.endswith(".json") or self._listing[at : at + 1] != [name]:  # a blob may be large
            return self._get(name)
        following = [each for each in self._listing[at : at + _AT_ONCE] if each.endswith(".json")]
        try:
            read = self._files.cat([self._path(each) for each in following], on_error="return")
        except _errors() as problem:
            raise self._said(name, "read", problem) from None
        found = {each: read.get(self._path(each)) for each in following}
        # What could not be read is asked for again when it is wanted, and said then.
        self._ahead = {each: data for each, data in found.items() if isinstance(data, bytes)}
        return self._ahead.pop(name) if name in self._ahead else self._get(name)

    def _get(self, name: str) -> bytes | None:
        try:
            found: bytes = self._files.cat_file(self._path(name))
        except _errors() as problem:
            if _code(problem) in _GONE:
                return None
            raise self._said(name, "read", problem) from None
        return found

    def has(self, name: str) -> bool:
        """Whether there is such an object."""
        return self._head(name) is not None

    def stamp(self, name: str) -> str:  # noqa: ARG002 - of a folder it is
        """Always the same: to ask would cost a request, and nobody writes an object of ours twice."""
        return ""

    def names(self, under: str) -> list[str]:
        """Every object below, in order."""
        found = sorted(self.each(under))
        self._listing = found
        return found

    def each(self, under: str) -> Iterator[str]:
        """The same, page by page; a server lists them in order."""
        return self._listed(f"{under}/" if under else "")

    def every(self) -> Iterator[str]:
        """Every object there is, page by page."""
        return (name for name in self._listed("") if name != _CHECK)

    def _listed(self, begin: str) -> Iterator[str]:
        after: dict[str, str] = {}
        while True:
            try:
                page = self._files.call_s3("list_objects_v2", Bucket=self._bucket, Prefix=self._prefix + begin, **after)
            except _errors() as problem:
                raise self._said(begin, "listed", problem) from None
            keys = (found["Key"].removeprefix(self._prefix) for found in page.get("Contents", ()))
            self._listing = sorted(key for key in keys if not key.endswith("/"))  # a console's idea of a folder
            yield from list(self._listing)
            if not page.get("IsTruncated"):
                return
            after = {"ContinuationToken": page["NextContinuationToken"]}

    def age_order(self, names: list[str]) -> list[str]:
        """By the server's own time of writing."""
        heads = {name: self._head(name) for name in names}
        return sorted(names, key=lambda name: ((heads[name] or {}).get("LastModified", 0), name))

    def address(self, name: str) -> str:
        """The object's address."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def _path(self, name: str) -> str:
        return f"{self._bucket}/{self._prefix}{name}"

    def _said(self, name: str, done: str, problem: BaseException) -> StoreError:
        code = _code(problem)
        silent = not code and not isinstance(problem, PermissionError)
        if code in _REASONS:
            reason, remedy = _REASONS[code]
        elif isinstance(problem, PermissionError) or code == "403" or _keyless(problem):
            reason, remedy = _REFUSED
        elif silent:
            reason, remedy = _SILENT
        else:
            reason, remedy = f"the server says {code}", "look at the bucket"
        return StoreError(self.address(name), f"cannot be {done}: {reason}", remedy)


@functools.cache
def _errors() -> tuple[type[BaseException], ...]:
    """What the client raises."""
    from aiohttp import ClientError as ConnectionProblem
    from botocore.exceptions import BotoCoreError, ClientError

    return OSError, ValueError, BotoCoreError, ClientError, ConnectionProblem


def _code(problem: BaseException) -> str:
    """The server's code for what is wrong: a word, or the number of HTTP; empty where it said nothing."""
    for each in (problem, problem.__cause__):
        answer = getattr(each, "response", None)
        if isinstance(answer, dict):
            return str(answer.get("Error", {}).get("Code", "")) or "?"
    return ""


def _keyless(problem: BaseException) -> bool:
    from botocore.exceptions import (
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
    )

    return isinstance(problem, (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, ProfileNotFound))
