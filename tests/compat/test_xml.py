"""Readers, writers and the XML below them."""

from __future__ import annotations

import io
import pickle
from datetime import datetime, timedelta, timezone

import pytest
from surface_facts import STRUCTS, attributes, sample

from trivirt.compat import _order, _types

WHEN = datetime(2024, 3, 5, 10, 11, 12, 345000, timezone(timedelta(hours=1)))


def xml_reader(sdk, text):
    return sdk.xml.XmlReader(io.BytesIO(text.encode()))


def written(sdk, write, indent=False):
    into = io.BytesIO()
    writer = sdk.xml.XmlWriter(into, indent)
    write(writer)
    writer.flush()
    writer.close()
    return into.getvalue().decode()


# Reader.


@pytest.mark.parametrize("name", STRUCTS)
def test_every_type_is_read_and_written(sdk, name):
    """What is read is what stands there, and it is written as what reads the same."""
    text = sample(name).xml
    read = sdk.reader.Reader.read(text)
    assert type(read) is getattr(sdk.types, name)
    unset = [one for one in vars(read) if getattr(read, one) is None]
    assert unset == []
    again = sdk.reader.Reader.read(sdk.writer.Writer.write(read))
    assert plain(again) == plain(read)


def plain(value):
    if isinstance(value, list):
        return [getattr(value, "href", None), *map(plain, value)]
    return {k: plain(v) for k, v in vars(value).items()} if hasattr(value, "_href") else value


def test_values_get_their_python_types(sdk):
    vm = sdk.reader.Reader.read(
        '<vm id="1" href="/h"><name>a</name><memory>5</memory><stateless>TRUE</stateless>'
        "<creation_time>2024-03-05T10:11:12.345+01:00</creation_time>"
        "<start_time>2024-03-05T10:11:12Z</start_time><stop_time>2024-03-05T10:11:12</stop_time>"
        "<status>up</status><cpu><topology><cores>2</cores></topology></cpu>"
        '<link rel="nics" href="/n"/><cdroms href="/c"><cdrom/></cdroms><zz/></vm>'
    )
    assert (vm.id, vm.href, vm.name, vm.memory, vm.stateless) == ("1", "/h", "a", 5, True)
    assert vm.creation_time == WHEN
    assert vm.start_time - vm.creation_time < timedelta(hours=1)
    assert (vm.start_time.utcoffset(), vm.stop_time.tzinfo) == (timedelta(0), None)
    assert vm.status is sdk.types.VmStatus.UP
    assert vm.cpu.topology.cores == 2
    assert (type(vm.nics), vm.nics, vm.nics.href) == (sdk.List, [], "/n")
    assert (len(vm.cdroms), vm.cdroms.href) == (1, "/c")
    assert vm.disk_attachments is None


def test_absent_empty_and_unknown(sdk):
    vm = sdk.reader.Reader.read(
        "<vm><name/><comment></comment><status>of a newer engine</status><stateless/>"
        "<os><boot><devices><device>hd</device><device>zz</device></devices></boot></os></vm>"
    )
    assert (vm.name, vm.comment, vm.status, vm.stateless) == (None, "", None, None)
    assert vm.os.boot.devices == [sdk.types.BootDevice.HD, None]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<vm><memory>x</memory></vm>", "The text 'x' isn't a valid integer value"),
        ("<vm><stateless>x</stateless></vm>", "The text 'x' isn't a valid boolean value"),
        ("<vm><stop_time>x</stop_time></vm>", "The text 'x' isn't a valid date value"),
        ("<cpu><speed>x</speed></cpu>", "The text 'x' isn't a valid decimal value"),
        ('<method id="zz"/>', "'zz' is not a valid SsoMethod"),
    ],
)
def test_values_that_make_no_sense(sdk, text, complaint):
    with pytest.raises(ValueError, match=complaint):
        sdk.reader.Reader.read(text)


def test_documents_come_in_four_ways_and_are_chosen_by_their_root(sdk):
    read, text = sdk.reader.Reader.read, '<vms href="/q"><vm id="1"/><vm/></vms>'
    for source in (text, text.encode(), io.BytesIO(text.encode()), xml_reader(sdk, text)):
        vms = read(source)
        assert (type(vms), len(vms), vms.href, vms[0].id) == (sdk.List, 2, "/q", "1")
    with pytest.raises(AttributeError, match="Expected a 'str', 'BytesIO' or 'XmlReader'"):
        read(5)
    with pytest.raises(sdk.Error, match="Can't find a reader for tag 'zzz'"):
        read("<zzz/>")
    for broken in ("", "<vm", "<vm></vms>", '<!DOCTYPE vm [<!ENTITY a "b">]><vm/>'):
        with pytest.raises(sdk.Error):
            read(broken)
        with pytest.raises(sdk.Error):
            xml_reader(sdk, broken)


def test_readers_read_what_begins_where_they_are(sdk):
    reader = xml_reader(sdk, '<all><vm id="1"/><anything id="2"/><vms><vm/><vm/></vms></all>')
    assert reader.forward()
    reader.read()
    one = sdk.readers.VmReader.read_one(reader)
    other = sdk.readers.VmReader.read_one(reader)
    many = sdk.readers.VmReader.read_many(reader)
    assert (one.id, other.id, type(other), len(many)) == ("1", "2", sdk.types.Vm, 2)
    assert sdk.readers.VmReader.read_one(reader) is None
    assert sdk.readers.VmReader.read_many(reader) == []


def test_functions_can_be_registered_for_a_root(sdk, monkeypatch):
    from trivirt.compat import _reader, _writer

    monkeypatch.setattr(_reader, "_registered", {})
    monkeypatch.setattr(_writer, "_registered", {})
    sdk.reader.Reader.register("mine", lambda reader: reader.read_element())
    assert sdk.reader.Reader.read("<mine>a</mine>") == "a"
    sdk.writer.Writer.register(str, lambda value, writer, root: writer.write_element("s", value))
    assert sdk.writer.Writer.write("a") == "<s>a</s>"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "a", "a"),
        ("boolean", "TRUE", True),
        ("integer", "5", 5),
        ("decimal", "2.5", 2.5),
        ("date", "2024-03-05T10:11:12.345+01:00", WHEN),
    ],
)
def test_simple_values(sdk, kind, text, value):
    reader = sdk.reader.Reader
    assert getattr(reader, f"read_{kind}")(xml_reader(sdk, f"<v>{text}</v>")) == value
    assert getattr(reader, f"read_{kind}")(xml_reader(sdk, "<v/>")) is None
    many = getattr(reader, f"read_{kind}s")(xml_reader(sdk, f"<v><i>{text}</i><i/></v>"))
    assert many == [value, None]
    if kind != "string":
        parse = getattr(reader, f"parse_{kind}")
        assert (parse(text), parse(None)) == (value, None)


def test_simple_enumerations_and_zones(sdk):
    status, read = sdk.types.VmStatus, sdk.reader.Reader
    assert read.parse_enum(status, "up") is status.UP
    assert read.read_enum(status, xml_reader(sdk, "<v>zz</v>")) is None
    assert read.read_enums(status, xml_reader(sdk, "<v><i>up</i></v>")) == [status.UP]
    zone = sdk.reader.TZ(60, "+01:00")
    assert datetime(2024, 3, 5, 10, 11, 12, 345000, zone) == WHEN
    assert (zone.tzname(None), zone.dst(None)) == ("+01:00", timedelta(0))


# XmlReader.


def test_the_cursor_walks_over_tags(sdk):
    reader = xml_reader(sdk, '<root a="1"><x/>text<y>z</y></root>')
    assert (reader.node_name(), reader.forward(), reader.get_attribute("a")) == ("root", True, "1")
    assert (reader.get_attribute("b"), reader.empty_element()) == (None, False)
    assert reader.read()
    assert (reader.node_name(), reader.empty_element(), reader.next_element()) == ("x", True, True)
    assert reader.node_name() is None  # a text
    assert reader.forward()
    assert (reader.node_name(), reader.read_element()) == ("y", "z")
    assert (reader.forward(), reader.node_name()) == (False, "root")
    assert (reader.read(), reader.forward(), reader.node_name()) == (False, False, None)


def test_the_cursor_reads_texts(sdk):
    reader = xml_reader(sdk, "<root><x>1</x><x></x><x/>  </root>")
    assert reader.read_elements() == ["1", "", None]
    assert not reader.forward()
    assert reader.read_elements() == []
    with pytest.raises(sdk.Error):
        reader.read_element()
    assert xml_reader(sdk, "<r>abc<b>q</b>d</r>").read_element() == "abcqd"
    reader = xml_reader(sdk, "<r><a><b/></a><c/></r>")
    reader.read()
    assert reader.next_element()
    assert reader.node_name() == "c"
    reader.close()
    assert not reader.forward()
    for wrong in ("<r/>", b"<r/>", None):
        with pytest.raises(TypeError, match="doesn't look like an IO object"):
            sdk.xml.XmlReader(wrong)


# Writer.


def test_texts_are_as_they_always_were(sdk):
    types, write = sdk.types, sdk.writer.Writer.write
    vm = types.Vm(
        id="1",
        name="a",
        comment="",
        memory=5,
        status=types.VmStatus.UP,
        cpu=types.Cpu(topology=types.CpuTopology(cores=2)),
        cluster=types.Cluster(id="2"),
        nics=[types.Nic(name="n")],
    )
    vm.href = "/x"
    assert write(vm) == (
        '<vm href="/x" id="1"><comment></comment><cpu><topology><cores>2</cores></topology></cpu>'
        '<memory>5</memory><name>a</name><status>up</status><cluster id="2"/>'
        "<nics><nic><name>n</name></nic></nics></vm>"
    )
    assert write(
        types.Vm(cluster=types.Cluster(id="2"), os=types.OperatingSystem()), indent=True
    ) == ('<vm>\n  <os/>\n  <cluster id="2"/>\n</vm>\n')
    assert write(types.Vm(), root="other") == "<other/>"
    assert write([types.Nic(), types.Disk()], root="all") == "<all><nic/><disk/></all>"
    assert write(types.Boot(devices=[types.BootDevice.HD, None])) == (
        "<boot><devices><device>hd</device></devices></boot>"
    )
    assert write(types.Cpu(speed=5.0)) == "<cpu><speed>5.0</speed></cpu>"
    assert write(types.Method(id=types.SsoMethod.GUEST_AGENT)) == '<method id="guest_agent"/>'
    assert write(types.Vlan(id=5)) == '<vlan id="5"/>'
    assert write(types.Vm(creation_time=WHEN)) == (
        "<vm><creation_time>2024-03-05T10:11:12.345000+01:00</creation_time></vm>"
    )
    assert write(types.Vm(name="a\0<&>é")) == "<vm><name>a&lt;&amp;&gt;é</name></vm>"


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"id": 5, "name": "a"}, "must be a string"),
        ({"name": 5}, "must be a string"),
        ({"memory": "5"}, "must be an integer"),
        ({"stateless": 1}, "must be a boolean"),
        ({"creation_time": "x"}, "must be a date"),
    ],
)
def test_wrong_values_fail_when_written(sdk, values, error):
    with pytest.raises(TypeError, match=f"The 'value' parameter {error}"):
        sdk.writer.Writer.write(sdk.types.Vm(**values))


def test_what_cannot_be_written(sdk):
    write, types = sdk.writer.Writer.write, sdk.types

    class Special(types.Vm):
        pass

    for wrong in ("x", None, types.VmStatus.UP, Special()):
        with pytest.raises(sdk.Error, match="Can't find a writer for type"):
            write(wrong)
    with pytest.raises(sdk.Error, match="'root' parameter is mandatory when writing lists"):
        write([])
    with pytest.raises(sdk.Error, match="Expected an 'XmlWriter'"):
        write(types.Vm(), target=io.BytesIO())
    with pytest.raises(TypeError, match="must be a decimal"):
        write(types.Cpu(speed="5"))
    with pytest.raises(AttributeError):
        write(types.Vm(nics=[types.Disk()]))


def test_writers_write_under_any_name(sdk):
    vm, writers = sdk.types.Vm(name="a"), sdk.writers.VmWriter
    assert written(sdk, lambda w: writers.write_one(vm, w), indent=True) == (
        "<vm>\n  <name>a</name>\n</vm>\n"
    )
    assert written(sdk, lambda w: writers.write_one(vm, w, "x")) == "<x><name>a</name></x>"
    assert written(sdk, lambda w: writers.write_many([vm], w)) == (
        "<vms><vm><name>a</name></vm></vms>"
    )
    assert written(sdk, lambda w: sdk.writer.Writer.write(vm, target=w)) == (
        "<vm><name>a</name></vm>"
    )


def test_pieces_of_xml(sdk):
    def write(writer):
        writer.write_start("a")
        writer.write_attribute("b", 'c<"&')
        writer.write_element("d", "")
        writer.write_start("e")
        writer.write_end()
        writer.write_end()

    assert written(sdk, write) == '<a b="c&lt;&quot;&amp;"><d></d><e/></a>'
    assert written(sdk, write, indent=True) == (
        '<a b="c&lt;&quot;&amp;">\n  <d></d>\n  <e/>\n</a>\n'
    )
    writer = sdk.xml.XmlWriter(None)
    write(writer)
    assert writer.string() == '<a b="c&lt;&quot;&amp;"><d></d><e/></a>'
    with pytest.raises(sdk.Error, match="Can't write attribute"):
        writer.write_attribute("x", "y")
    with pytest.raises(TypeError, match="must be a string"):
        writer.write_element("x", 5)
    with pytest.raises(TypeError, match="doesn't look like an IO object"):
        sdk.xml.XmlWriter("x")
    into = io.BytesIO()
    writer = sdk.xml.XmlWriter(into)
    writer.write_element("a", "b")
    assert writer.string() == into.getvalue().decode() == "<a>b</a>"


def test_the_number_of_a_vlan_may_be_a_text(sdk):
    for vlan in (sdk.types.Vlan("5"), sdk.types.Vlan(5)):
        assert sdk.writer.Writer.write(vlan) == '<vlan id="5"/>'


def test_attributes_survive_what_parsers_do_to_them(sdk):
    """They make spaces of line ends; and ovirtsdk4 writes attributes in ASCII."""
    vm = sdk.types.Vm(id="a\n\tü€\U0001f600")
    text = sdk.writer.Writer.write(vm)
    assert text == '<vm id="a&#10;&#9;&#xFC;&#x20AC;&#x1F600;"/>'
    assert sdk.reader.Reader.read(text).id == vm.id


@pytest.mark.parametrize(
    ("text", "name"), [("", None), ("Z", "UTC"), ("+00:00", "+00:00"), ("-05:30", "-05:30")]
)
def test_dates_name_their_zone_as_the_text_does(sdk, text, name):
    date = sdk.reader.Reader.parse_date(f"2024-03-05T10:11:12.345{text}")
    assert (date.tzname(), date.strftime("%Z")) == (name, name or "")
    vm = sdk.reader.Reader.read(f"<vm><start_time>2024-03-05T10:11:12.345{text}</start_time></vm>")
    assert vm.start_time == date
    again = pickle.loads(pickle.dumps(vm.start_time))
    assert (again, again.tzname(), again.utcoffset()) == (date, name, date.utcoffset())


@pytest.mark.parametrize("name", STRUCTS)
def test_links_are_written_last_as_the_facts_say(name):
    from trivirt.model import fields

    declared = _types.declaration(name)
    for attribute, fact in attributes(name).items():
        field = fields(declared)[attribute]
        if fact.get("xml") != "attribute":
            assert _order.is_link(declared, field) == bool(fact.get("link")), attribute
