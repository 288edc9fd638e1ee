"""What a `Retarget` makes is taken by libvirt's test driver, which reads in it what was asked for."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from libvirt_migrate import InvalidDomainXml, Retarget, retarget_xml

libvirt = pytest.importorskip("libvirt")

_ADDRESSES = st.sampled_from(["192.0.2.7", "2001:db8::7", "::", "host2"])
_MODES = ["strict", "preferred", "interleave", "restrictive"]


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    """A host in this process, which checks definitions like every other and keeps them."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.open("test:///default")
    yield connection
    connection.close()


def _kept(host: Any, xml: str) -> str | None:
    """The definition as libvirt keeps it; `None` where it refuses it."""
    try:
        domain = host.defineXML(xml)
    except libvirt.libvirtError:
        return None
    try:
        return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    finally:
        domain.undefine()


@st.composite
def _cpu_sets(draw: st.DrawFn) -> str:
    first, length = draw(st.integers(0, 30)), draw(st.integers(0, 5))
    text = f"{first}-{first + length}" if length else str(first)
    if length > 1 and draw(st.booleans()):
        text += f",^{first + 1}"
    return text


def _numbers(text: str) -> set[int]:
    """The numbers of a set in libvirt's syntax."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.removeprefix("^").partition("-")
        numbers = set(range(int(first), int(last or first) + 1))
        found = found - numbers if part.startswith("^") else found | numbers
    return found


_CPUS = _cpu_sets()


@st.composite
def _tuning(draw: st.DrawFn, vcpus: int, cells: int) -> str:
    """`<vcpu>`, `<cputune>`, `<numatune>` and `<cpu>` of a guest."""
    placement = draw(st.sampled_from(["", " placement='static'", " placement='auto'"]))
    cpuset = draw(st.sampled_from(["", " cpuset='0-3'"]))
    pins = draw(st.lists(st.integers(0, vcpus - 1), unique=True))
    tune = "".join(f"<vcpupin vcpu='{vcpu}' cpuset='1'/>" for vcpu in pins)
    tune += draw(st.sampled_from(["", "<emulatorpin cpuset='2'/>"]))
    tune += draw(
        st.sampled_from(["", "<shares>7</shares>", "<vcpusched vcpus='0' scheduler='rr' priority='3'/>"])
    )
    mode = draw(st.sampled_from(_MODES))
    where = draw(
        st.sampled_from([f"mode='{mode}' nodeset='0-1'", f"mode='{mode}' placement='auto'", "nodeset='0'"])
    )
    numa = draw(st.sampled_from(["", f"<memory {where}/>"]))
    nodes = draw(st.lists(st.integers(0, cells - 1), unique=True)) if cells else []
    numa += "".join(f"<memnode cellid='{cell}' mode='{mode}' nodeset='1'/>" for cell in nodes)
    topology = "".join(f"<cell id='{cell}' cpus='{cell}' memory='4' unit='MiB'/>" for cell in range(cells))
    cpu = f"<cpu><numa>{topology}</numa></cpu>" if cells else ""
    return f"<vcpu{placement}{cpuset}>{vcpus}</vcpu><cputune>{tune}</cputune><numatune>{numa}</numatune>{cpu}"


def _bound(service: int) -> str:
    return f"<source mode='bind' host='192.0.2.1' service='{service}'/>"


_MAC = "<mac address='52:54:00:00:00:01'/>"
_DEVICES = [
    "<graphics type='vnc' port='5900' autoport='no' listen='192.0.2.1'/>",
    "<graphics type='vnc' port='-1' autoport='yes' websocket='5700'><listen type='address'/></graphics>",
    "<graphics type='spice' port='5901' tlsPort='5902' autoport='no' listen='192.0.2.1'/>",
    "<graphics type='spice' autoport='yes' listen='192.0.2.1'/>",
    "<graphics type='rdp' port='3389' listen='192.0.2.1'/>",
    f"<serial type='tcp'>{_bound(4001)}<target port='0'/></serial>",
    f"<serial type='udp'>{_bound(4002)}<source mode='connect' host='192.0.2.9' service='4003'/></serial>",
    f"<parallel type='tcp'>{_bound(4004)}</parallel>",
    f"<channel type='tcp'>{_bound(4005)}<target type='virtio' name='c'/></channel>",
    f"<smartcard mode='passthrough' type='tcp'>{_bound(4006)}</smartcard>",
    f"<rng model='virtio'><backend model='egd' type='tcp'>{_bound(4007)}</backend></rng>",
    f"<interface type='server'>{_MAC}<source address='192.0.2.1' port='4008'/></interface>",
    "<emulator>/usr/bin/qemu</emulator>",
]
_FLASH = "<loader readonly='yes' type='pflash'>/OVMF_CODE.fd</loader>"
_BOOT = [
    "",
    _FLASH,
    f"{_FLASH}<nvram template='/OVMF_VARS.fd'>/vm.fd</nvram>",
    "<loader type='rom'>/bios</loader>",
]


@st.composite
def _guests(draw: st.DrawFn) -> str:
    vcpus, cells = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    devices = draw(st.lists(st.sampled_from(_DEVICES), unique_by=lambda device: device[:22], max_size=6))
    return (
        f"<domain type='test'><name>properties</name><memory unit='MiB'>{4 * max(cells, 1)}</memory>"
        f"{draw(_tuning(vcpus, min(cells, vcpus)))}<os><type>hvm</type>{draw(st.sampled_from(_BOOT))}</os>"
        f"<devices>{''.join(devices)}</devices></domain>"
    )


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_PATHS = st.sampled_from(["/a/b", "/usr/share/x & y.fd"])
_RETARGETS = _some(
    cpu_shares=st.sampled_from([2, 262144, 1000]),
    vcpu_cpuset=_CPUS,
    numa=_some(
        vcpu_pins=st.dictionaries(st.integers(0, 4), _CPUS, max_size=3),
        emulator_pin=_CPUS,
        cell_pins=st.dictionaries(st.integers(0, 2), _CPUS, max_size=2),
        memory=_CPUS,
        vcpu_sched=st.just({"vcpus": "0", "priority": 9}),
    ),
    graphics=_some(
        vnc=_ADDRESSES,
        spice=_ADDRESSES,
        rdp=_ADDRESSES,
        vnc_port=st.integers(6000, 6100),
        spice_tls_port=st.integers(6200, 6300),
        rdp_port=st.integers(6400, 6500),
    ),
    serial=_some(address=_ADDRESSES),
    listeners=_some(address=_ADDRESSES, ports=st.just({4004: 5004}) | st.just({4008: 5008})),
    emulator=_PATHS | st.just("remove"),
    firmware=_some(loader=_PATHS, nvram=_PATHS, template=_PATHS),
)


@settings(max_examples=100, deadline=None)
@given(_guests(), _RETARGETS)
def test_libvirt_takes_what_comes_out_and_reads_what_was_asked_for(
    host: Any, xml: str, fields: dict[str, Any]
) -> None:
    kept = _kept(host, xml)
    assume(kept is not None)
    assert kept is not None
    for before in (xml, kept):
        try:
            after = retarget_xml(before, Retarget(**fields))
        except InvalidDomainXml:
            # What the guest lacks, which other tests are about.
            continue
        read = _kept(host, after)
        assert read is not None, after
        _compare(ElementTree.fromstring(read), fields)  # noqa: S314 - libvirt wrote it


def _compare(read: ElementTree.Element, fields: dict[str, Any]) -> None:
    """Each value that was asked for is there."""
    numa, graphics = fields.get("numa", {}), fields.get("graphics", {})

    def attribute(path: str, name: str) -> str:
        found = read.find(path)
        assert found is not None, path
        return found.get(name, "")

    if "cpu_shares" in fields:
        assert read.findtext("cputune/shares") == str(fields["cpu_shares"])
    sets = {("cputune/emulatorpin", "cpuset"): numa.get("emulator_pin")}
    sets["numatune/memory", "nodeset"] = numa.get("memory")
    sets["vcpu", "cpuset"] = fields.get("vcpu_cpuset")
    sets |= {
        (f"cputune/vcpupin[@vcpu='{n}']", "cpuset"): cpus for n, cpus in numa.get("vcpu_pins", {}).items()
    }
    sets |= {(f"numatune/memnode[@cellid='{n}']", "nodeset"): s for n, s in numa.get("cell_pins", {}).items()}
    for (path, name), wanted in sets.items():
        if wanted is not None:
            assert _numbers(attribute(path, name)) == _numbers(wanted), path
    if "vcpu_sched" in numa:
        assert attribute("cputune/vcpusched[@vcpus='0']", "priority") == "9"
    for display in read.iterfind("devices/graphics"):
        kind = display.get("type", "")
        if kind in graphics:
            assert [listen.get("address") for listen in display.iterfind("listen")] == [graphics[kind]]
        for field, name in (("port", "port"), ("tls_port", "tlsPort")):
            if (wanted := graphics.get(f"{kind}_{field}")) is not None:
                assert display.get(name) == str(wanted)
    _compare_files(read, fields)
    _compare_listeners(read, fields)


def _compare_files(read: ElementTree.Element, fields: dict[str, Any]) -> None:
    firmware = fields.get("firmware", {})
    emulator = fields.get("emulator")
    if emulator is not None:
        assert read.findtext("devices/emulator") == (None if emulator == "remove" else emulator)
    for name in ("loader", "nvram"):
        if name in firmware:
            assert read.findtext(f"os/{name}") == firmware[name]
    nvram = read.find("os/nvram")
    if "template" in firmware:
        assert nvram is not None
        assert nvram.get("template") == firmware["template"]


def _compare_listeners(read: ElementTree.Element, fields: dict[str, Any]) -> None:
    wanted, serial = fields.get("listeners", {}), fields.get("serial", {}).get("address")
    ports = wanted.get("ports", {})
    for device in read.iterfind("devices/*"):
        kind = device.tag
        address = serial if kind in ("serial", "console") and serial else wanted.get("address")
        for source in device.iter("source"):
            if source.get("mode") == "bind" or device.get("type") == "server":
                found = source.get("host") or source.get("address")
                assert found == (address or "192.0.2.1"), kind
                port = int(source.get("service") or source.get("port") or 0)
                assert port not in ports
            elif source.get("mode") == "connect":
                assert source.get("host") == "192.0.2.9"


#: What markup is made of, and what is nearly markup.
_MARKUP = """]]> ]] > <![CDATA[ <!-- --> -- ?> &lt; &#1; &#9; &#xFFFE; &#xD800; &#x10FFFF; &#x110000; &#X41;
&#+65; &amp &other; & <x:b/> <x:b> </x:b> ' " <é/> <a·/>"""
_CHARACTERS = [
    "\x01",
    "\t",
    "\x7f",
    "\x85",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\U0010ffff",
    "é",
    "<?p ",
    "<\xd7/>",
]
_PIECES = st.sampled_from([*_MARKUP.split(), *_CHARACTERS])


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=6), st.lists(_PIECES, max_size=3))
def test_what_is_xml_to_libvirt_is_xml_here(host: Any, content: list[str], value: list[str]) -> None:
    text = f"<x:a xmlns:x='urn:x' v='{''.join(value)}'>{''.join(content)}</x:a>"
    xml = (
        f"<domain type='test'><name>xml</name><memory>4096</memory><os><type>hvm</type></os>"
        f"<metadata>{text}</metadata></domain>"
    )
    try:
        assert retarget_xml(xml, Retarget()) == xml
        taken = True
    except InvalidDomainXml:
        taken = False
    assert taken == (_kept(host, xml) is not None), text
