from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe.access.capability import CAPABILITIES, capability_bits, capability_names, parse_capabilities

HEADER = Path("/usr/include/linux/capability.h")


def test_there_are_41_names_each_once():
    assert len(CAPABILITIES) == len(set(CAPABILITIES)) == 41


@pytest.mark.skipif(not HEADER.exists(), reason="needs linux/capability.h (linux-libc-dev)")
def test_every_name_has_the_bit_of_the_kernel_header():
    found = dict(re.findall(r"^#define (CAP_[A-Z_]+)\s+(\d+)$", HEADER.read_text(), re.MULTILINE))
    known = {name: str(bit) for bit, name in enumerate(CAPABILITIES)}
    assert {name: bit for name, bit in found.items() if int(bit) < len(CAPABILITIES)} == known


def test_names_and_bits_are_each_other_s_inverse():
    for bits in (0, 6, 0x1FFFFFFFFFF, 0xA80425FB, 1 << 63 | 1 << 41):
        assert capability_bits(capability_names(bits)) == bits


def test_a_bit_without_a_name_keeps_its_number():
    assert capability_names(1 << 41 | 2) == ("CAP_DAC_OVERRIDE", "CAP_41")


@pytest.mark.parametrize("bits", [-1, 1 << 64])
def test_a_number_that_is_no_set_is_refused(bits):
    with pytest.raises(ValueError, match="64 capability bits"):
        capability_names(bits)


@pytest.mark.parametrize("name", ["CAP_NO_SUCH", "CAP_1", "CAP_64", "CAP_", "DAC_OVERRIDE", "", "CAP_\u0664\u0661"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="no capability is called"):
        capability_bits([name])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", ()),
        ("", ()),
        ("ALL", CAPABILITIES),
        ("dac_read_search, CAP_DAC_OVERRIDE", ("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH")),
        ("chown,chown", ("CAP_CHOWN",)),
    ],
)
def test_a_typed_list_is_read_in_any_spelling(text, names):
    assert parse_capabilities(text) == names


@pytest.mark.parametrize("text", ["dac_overide", "all,none", "2", "cap_41"])
def test_a_typed_list_with_a_mistake_says_how_to_write_one(text):
    with pytest.raises(ValueError, match=r"no capability is called .* for example dac_override"):
        parse_capabilities(text)
