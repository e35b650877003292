"""Feeds the codec hostile and damaged XML for a while, and says how many inputs it took.

    python tests/fuzz/codec.py [--seconds 60] [--seed 0]

Each input is read or refused with a DecodeError, in bounded time; read in one go, in pieces and by
lxml alone it gives the same; what was read and can be written is read again as it was. An input
that breaks a rule is printed, made smaller, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kit"))

from hypothesis import HealthCheck, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from lxml import etree  # noqa: E402
from made_values import objects  # noqa: E402
from recorded import recorded  # noqa: E402
from surface_facts import STRUCTS, sample  # noqa: E402

from trivirt import codec  # noqa: E402
from trivirt.codec import _decode  # noqa: E402
from trivirt.codec._decode import Decoder, decode_tree, decode_whole  # noqa: E402
from trivirt.errors import DecodeError, EncodeError  # noqa: E402

LONGEST = 5.0  # Seconds for one input; they are all short.
AT_A_TIME = 500


def laid_out(xml: str) -> bytes:
    """A document as engines indent it."""
    root = etree.fromstring(xml)
    etree.indent(root, space="    ")
    return etree.tostring(root, encoding="utf-8")


WORDS = (
    b"<vm> </vm> <vms> </vms> <vm/> <name> </name> <cpu/> <nics> </nics> <nic/> <!-- --> <![CDATA[ "
    b"]]> &amp; &x; &#13; &#0; &#xFFFE; &lt; <?x?> <?xml <!DOCTYPE <!ENTITY <memory>1</memory> "
    b"<memory>x</memory> <memory>9999999999999999999999</memory> < > \" ' = / \0 \xff \xc3 "
    b"\xef\xbb\xbf <link <actions> </actions> <fault/> xmlns='u' xmlns:a='u' a: "
    b"<creation_time>2024-13-01T00:00:00</creation_time> <status>nonsense</status> ]]> -->"
).split(b" ")
SEEDS = [document.encode() for document in recorded() if len(document) < 20_000]
SEEDS += [sample(name, depth=1).xml.encode() for name in STRUCTS]
SEEDS += [laid_out(sample(name, depth=2).xml) for name in STRUCTS]

word = st.sampled_from(WORDS) | st.binary(max_size=5)
edit = st.tuples(st.floats(0, 1), st.integers(0, 40), word)


def damage(document: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Replace some bytes at some places of a document."""
    for place, length, new in edits:
        at = int(place * len(document))
        document = document[:at] + new + document[at + length :]
    return document


pieces = st.lists(word, max_size=40).map(b"".join)
damaged = st.builds(damage, st.sampled_from(SEEDS), st.lists(edit, max_size=4))
written = st.sampled_from(sorted(STRUCTS)).flatmap(objects).map(codec.encode)
deep = st.builds(
    lambda tag, depth, inside: tag * depth + inside,
    st.sampled_from([b"<vm>", b"<a>", b"<vms>", b"<nics><nic><vm>"]),
    st.integers(0, 2000),
    word,
)
many = st.builds(
    lambda item, count, edits: damage(b"<vms>" + item * count + b"</vms>", edits),
    st.sampled_from([b"<vm id='1'><name>a</name><cpu/><nics><nic/></nics></vm>", b"<vm/>\n"]),
    st.integers(0, 60),
    st.lists(edit, max_size=3),
)
INPUTS = st.one_of(
    pieces, damaged, st.builds(damage, written, st.lists(edit, max_size=2)), deep, many
)


def read(function: Any, data: bytes) -> Any:
    try:
        value = function(data)
        for one in value if isinstance(value, list) else [value]:
            one.to_dict()  # Touches what is read late.
    except DecodeError:
        return None
    return value


def in_pieces(data: bytes) -> Any:
    decoder = Decoder()
    for start in range(0, len(data), 50):
        decoder.feed(data[start : start + 50])
    return decoder.close()


def shown(value: Any) -> str:
    """All of it as text, because not a number is not equal to itself."""
    if isinstance(value, list):
        return f"{getattr(value, 'href', None)} {[shown(one) for one in value]}"
    return repr(value if value is None else sorted(value.to_dict().items()))


def check(data: bytes, outcomes: Counter[str]) -> None:
    began = time.monotonic()
    value = read(lambda one: decode_whole(one, None), data)
    assert shown(value) == shown(read(in_pieces, data)), "read in one go and in pieces"
    by_lxml = read(lambda one: decode_tree(one, None), data)
    assert shown(value) == shown(by_lxml), "read in the quick way and by lxml"
    outcomes["refused" if value is None else "read"] += 1
    if value:
        try:
            text = codec.encode(value)
        except EncodeError:
            outcomes["read, cannot be written"] += 1
        else:
            assert codec.decode(text) == value, "written and read again"
    assert time.monotonic() - began < LONGEST, "too slow"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    _decode.PIECE = 64  # So that short documents are cut as well.
    outcomes: Counter[str] = Counter()
    end, turn, failed = time.monotonic() + args.seconds, args.seed, False
    while not failed and time.monotonic() < end:

        @seed(turn)
        @settings(
            max_examples=AT_A_TIME,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(data=INPUTS)
        def run(data: bytes) -> None:
            check(data, outcomes)

        try:
            run()
        except Exception as error:
            failed = True
            print("\n".join([repr(error), *getattr(error, "__notes__", [])]))
        turn += 1
    about = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
    print(f"{outcomes['read'] + outcomes['refused']} inputs from seed {args.seed}: {about}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
