"""What others read in the files of a format: each parsed by a parser of its own, as the texts that are in it."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as Xml

import junitparser
import pyarrow.parquet
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older

__all__ = ["READERS", "samples"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, entry in value.items():
            yield from _strings(name)
            yield from _strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _strings(entry)


def _json(*files: bytes) -> list[str]:
    return [text for data in files for text in _strings(json.loads(data))]


def _junit(data: bytes) -> list[str]:
    root = Xml.fromstring(data)  # noqa: S314 - our own
    suites = junitparser.JUnitXml.fromstring(data)
    cases = [case for suite in suites for case in suite]
    elements = list(root.iter("testcase"))
    assert [(case.classname, case.name) for case in cases] == [(e.get("classname"), e.get("name")) for e in elements]
    results = [result for case in cases for result in case.result]
    assert suites.tests == len(cases)
    assert suites.failures == sum(isinstance(result, junitparser.Failure) for result in results)
    assert suites.errors == sum(isinstance(result, junitparser.Error) for result in results)
    assert suites.skipped == sum(isinstance(result, junitparser.Skipped) for result in results)
    assert {element.tag for element in root.iter()} <= {
        *("testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped"),
        "system-out",
    }
    return [text for element in root.iter() for text in (*element.attrib.values(), element.text or "")]


def samples(data: bytes) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The series of a text file, by metric: of OpenMetrics, and the same as Prometheus' older text."""
    text = data.decode()
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    # A collector reads it line by line, and # EOF is a comment to it.
    assert {family.name: family.samples for family in older(text)} == found
    assert all(family.documentation for family in text_string_to_metric_families(text))
    return {name: [(one.labels, one.value) for one in several] for name, several in found.items()}


def _openmetrics(data: bytes) -> list[str]:
    return [
        text for several in samples(data).values() for labels, _ in several for part in labels.items() for text in part
    ]


def _csv(data: bytes) -> list[str]:
    page = data.decode()
    rows = list(csv.reader(io.StringIO(page, newline=""), strict=True))
    assert {len(row) for row in rows} == {len(rows[0])}
    for separator in ",;\t":  # a sheet may be set to any
        fields = [text for row in csv.reader(io.StringIO(page, newline=""), delimiter=separator) for text in row]
        assert not [text for text in fields if text.strip(' \n"').startswith(_FORMULA) and not _number(text)]
    return [text.replace("'", "") for row in rows for text in row if not _number(text)]  # without our own marks


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet(data: bytes) -> list[str]:
    table = pyarrow.parquet.read_table(io.BytesIO(data))
    return [*table.column_names, *_strings([list(row.values()) for row in table.to_pylist()])]


def _markdown(data: bytes) -> list[str]:
    """The text of each line, cell and entry; there is no markup in it that is not ours, and a table keeps its shape."""
    found, width, columns = [], 0, 0
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(data.decode()):
        assert token.type not in ("html_block", "code_block", "fence", "hr", "blockquote_open"), token.content
        if token.type in ("thead_open", "tr_open"):
            width, columns = (0 if token.type == "thead_open" else width), 0
        columns += token.type in ("th_open", "td_open")
        if token.type == "tr_close":
            width = width or columns
            assert columns == width
        for child in token.children or ():
            ours = ("softbreak",) if token.content.startswith("The verdict rests on") else ()
            assert child.type in ("text", "html_inline", "strong_open", "strong_close", *ours), child
            assert child.type != "html_inline" or child.content == "<!-- -->"
        if token.children:
            found.append("".join(child.content for child in token.children if child.type == "text"))
    return found


def _text(data: bytes) -> list[str]:
    assert not [char for char in data.decode() if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char != "\n"]
    return []


READERS: dict[str, Callable[..., list[str]]] = {
    "benchmark": _json,
    "comment": _markdown,
    "csv": _csv,
    "ctrf": _json,
    "json": _json,
    "junit": _junit,
    "markdown": _markdown,
    "openmetrics": _openmetrics,
    "parquet": _parquet,
    "text": _text,
}
