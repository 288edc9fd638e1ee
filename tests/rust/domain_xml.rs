//! The editor and its input: what comes out unchanged, what is refused and where.

use crate::support::{DEFINITIONS, FLAT, NOVA, ODD, check::check};
use libvirt_migrate::Error;
use libvirt_migrate::domain_xml::{DomainIdentity, MAX_BYTES, MAX_DEPTH, Retarget, decode, disks};

#[test]
fn no_edit_gives_the_same_bytes() {
    for (name, xml) in DEFINITIONS {
        assert!(Retarget::default().apply(xml).unwrap() == xml, "{name}");
    }
}

#[test]
fn the_seeds_of_the_fuzz_target_pass() {
    DEFINITIONS.iter().for_each(|(_, xml)| check(xml.as_bytes()));
    check(format!("{}\0{NOVA}", include_str!("support/every-step.json")).as_bytes());
}

#[test]
fn whose_it_is() {
    assert_eq!(DomainIdentity::parse(ODD).unwrap().name, "odd<&> one");
    let uuid = DomainIdentity::parse(FLAT).unwrap().uuid;
    assert_eq!(uuid.as_deref(), Some("6c1f8c1e-3f0b-4b38-9f3d-5c2d0f0d8a43"));
    let targets: Vec<_> = disks(NOVA).unwrap().into_iter().map(|disk| disk.target).collect();
    assert_eq!(targets, ["vda", "vdb", "sda"]);
}

/// A definition, a part of the message, and line and column.
const BAD: [(&str, &str, usize, usize); 52] = [
    ("", "ends before", 1, 1),
    ("<!-- no root -->", "ends before", 1, 17),
    ("text", "text outside", 1, 1),
    ("<domain/>\n  x", "text outside", 2, 3),
    ("<domain/>&#32;", "text outside", 1, 10),
    ("<![CDATA[]]><domain/>", "text outside", 1, 1),
    ("<domain/>\n<domain/>", "second root", 2, 1),
    ("<guest/>", "<guest>, not <domain>", 1, 1),
    ("<d:domain xmlns:d='x'/>", "<d:domain>", 1, 1),
    ("<domain>\n <a>\n </b>\n</domain>", "expected `</a>`", 3, 2),
    ("<domain></domain>\n</domain>", "does not match any open", 2, 1),
    ("<domain>\n<a>", "ends before", 2, 4),
    ("<domain", "not closed", 1, 1),
    ("<domain a='", "not closed", 1, 1),
    ("<domain><!-- ", "not closed", 1, 9),
    ("<domain><!-- a -- b --></domain>", "--", 1, 16),
    ("<domain><![CDATA[ ]]</domain>", "not closed", 1, 9),
    ("<!DOCTYPE domain><domain/>", "document type is refused", 1, 1),
    ("<!DOCTYPE d [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]>\n<domain>&b;</domain>", "document type", 1, 1),
    ("<domain><!ENTITY a 'b'></domain>", "markup", 1, 9),
    ("<domain>\n  &other;</domain>", "not defined", 2, 3),
    ("<domain>&#0;</domain>", "no character of XML", 1, 9),
    ("<domain>&#x110000;</domain>", "no character of XML", 1, 9),
    ("<domain>\n a&#1;</domain>", "no character of XML", 2, 3),
    ("<domain a='b&#xFFFE;'/>", "no character of XML", 1, 13),
    ("<domain a='&lt;&#xD800;'/>", "no character of XML", 1, 16),
    ("<domain>&#X41;</domain>", "not defined", 1, 9),
    ("<domain>\u{ffff}</domain>", "U+FFFF", 1, 9),
    ("<domain a='\u{fffe}'/>", "U+FFFE", 1, 12),
    ("<domain><!-- \u{ffff} --></domain>", "U+FFFF", 1, 14),
    ("<domain>a]]>b</domain>", "]]> outside", 1, 10),
    ("<domain><![CDATA[]]>]]></domain>", "]]> outside", 1, 21),
    ("<domain><a\u{d7}/></domain>", "character that no name has", 1, 11),
    ("<domain \u{b7}a='1'/>", "character that no name has", 1, 9),
    ("<domain>a & b</domain>", "reference not closed", 1, 11),
    ("<domain a='&b;'/>", "not defined", 1, 12),
    ("<domain a='1' b='2'\n a='3'/>", "there twice", 2, 2),
    ("<domain a='1'b='2'/>", "white space is missing", 1, 14),
    ("<domain a/>", "no value", 1, 9),
    ("<domain a=1/>", "no quotes", 1, 9),
    ("<domain a='<'/>", "has a <", 1, 12),
    ("<domain 1a='1'/>", "name", 1, 9),
    ("<domain><1a/></domain>", "name", 1, 10),
    ("<domain>< a/></domain>", "name", 1, 10),
    ("<domain></></domain>", "expected `</domain>`", 1, 9),
    ("<domain><a=b/></domain>", "character that no name has", 1, 11),
    ("<domain>é\0</domain>", "NUL", 1, 10),
    ("<domain>\n<!-- \u{1} --></domain>", "control character", 2, 6),
    (" <?xml version='1.0'?><domain/>", "not at the start", 1, 2),
    ("<?xml version='1.0' encoding='latin1'?><domain/>", "encoding", 1, 1),
    ("<domain><?pi</domain>", "not closed", 1, 9),
    ("\u{feff}\u{feff}<domain>&;</domain>", "outside", 1, 2),
];

#[test]
fn what_is_not_sound_is_refused_with_its_place() {
    for (xml, message, line, column) in BAD {
        match Retarget::default().apply(xml) {
            Err(Error::InvalidDomainXml { source, .. }) => {
                assert!(source.message.contains(message), "{xml:?}: {source}");
                assert_eq!((source.line, source.column), (line, column), "{xml:?}: {source}");
            }
            other => panic!("{xml:?}: {other:?}"),
        }
        assert!(DomainIdentity::parse(xml).is_err() && disks(xml).is_err());
    }
}

#[test]
fn what_only_looks_unsound_is_taken() {
    for xml in [
        "<domain>]] ]&gt; ]]&gt;<![CDATA[ ]] > ]>]]> ></domain>",
        "<domain a=']]>' b='&#x9;&#10;&#x10FFFF;'><!-- ]]> --><?pi ]]>?></domain>",
        "<domain><Ωé\u{b7}\u{10000}/>\u{fffd}\u{7f}\u{ff01}</domain>",
    ] {
        assert_eq!(Retarget::default().apply(xml).unwrap(), xml);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    match decode("xml", b"<domain>\n <name>\xff</name></domain>").unwrap_err() {
        Error::InvalidDomainXml { source, .. } => assert_eq!((source.line, source.column), (2, 8)),
        other => panic!("{other}"),
    }
    assert_eq!(decode("xml", NOVA.as_bytes()).unwrap(), NOVA);
}

#[test]
fn nesting_and_size_are_bounded() {
    let nested =
        |depth: usize| format!("<domain>{}{}</domain>", "<a>".repeat(depth - 1), "</a>".repeat(depth - 1));
    assert!(Retarget::default().apply(&nested(MAX_DEPTH)).is_ok());
    let error = Retarget::default().apply(&nested(MAX_DEPTH + 1)).unwrap_err().to_string();
    assert!(error.contains("deeper than 256"), "{error}");
    let sized = |bytes: usize| format!("<domain>{}</domain>", " ".repeat(bytes - 17));
    assert!(Retarget::default().apply(&sized(MAX_BYTES)).is_ok());
    let error = Retarget::default().apply(&sized(MAX_BYTES + 1)).unwrap_err().to_string();
    assert!(error.contains("4194305 bytes"), "{error}");
}

#[test]
fn what_is_made_to_take_long_does_not() {
    // Each of these took minutes where any step looked at all others for each: attributes, devices, new children.
    let attributes: String = (0..200_000).map(|index| format!(" a{index}='{index}'")).collect();
    let wide = format!("<domain{attributes}/>");
    assert!(
        libvirt_migrate::domain_xml::diff_xml(&wide, &wide.replace("='1", "='2")).unwrap().len() > 100_000
    );
    let many = |element: &str| format!("<domain><devices>{}</devices></domain>", element.repeat(60_000));
    for element in
        ["<disk><source protocol='rbd'/></disk>", "<disk><target dev='x'/></disk>", "<graphics type='vnc'/>"]
    {
        check(many(element).as_bytes());
    }
    let pins: String = (0..60_000).map(|vcpu| format!("<vcpupin vcpu='{vcpu}' cpuset='0'/>")).collect();
    check(format!("<domain><cputune>{pins}</cputune></domain>").as_bytes());
    check(format!("<domain><cputune>{}</cputune></domain>", "<vcpusched/>".repeat(100_000)).as_bytes());
    check(format!("<domain><perf>{}</perf></domain>", "<event/>".repeat(100_000)).as_bytes());
    let name = "n".repeat(10_000);
    check(
        format!("<domain>{}{}</domain>", format!("<{name}>").repeat(200), format!("</{name}>").repeat(200))
            .as_bytes(),
    );
    let error =
        Retarget::default().apply(&format!("<domain></{}>", "n".repeat(100_000))).unwrap_err().to_string();
    assert!(error.len() < 1000);
}
