//! Properties of the parsers on anything at all; `scripts/fuzz` looks for longer.

use crate::support::parsers;
use libvirt_migrate::params::Param;
use proptest::prelude::*;

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z+]{1,4}://",
        "[@:/?#\\[\\]% \t\"'<>=&,;]{1,3}",
        "[a-z0-9.]{0,6}",
        Just("user:pw@host".to_owned()),
        Just("[::1]:49152".to_owned()),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let names = Param::ALL.iter().map(|param| param.name()).chain([
        "destination",
        "destination_xml",
        "persistent_xml",
    ]);
    let values = prop_oneof![
        "-?[0-9]{1,20}",
        "(vda|vdb|xbzrle|zstd)(,vdc|,mt){0,2}",
        Just("tcp://10.0.0.1:49152".to_owned()),
        Just("<domain><name>vm</name></domain>".to_owned()),
        any::<String>(),
    ];
    ("[iubdls]", prop::sample::select(names.collect::<Vec<_>>()), values)
        .prop_map(|(kind, name, value)| format!("{kind}{name}={value}\n"))
}

proptest! {
    #[test]
    fn uris(pieces in prop::collection::vec(piece(), 0..12)) {
        parsers::uri(pieces.concat().as_bytes());
    }

    #[test]
    fn any_text_as_uri_or_json(text in any::<String>()) {
        parsers::uri(text.as_bytes());
        parsers::retarget_json(text.as_bytes());
    }

    #[test]
    fn json_with_a_part_of_it_changed(at in any::<prop::sample::Index>(), length in 0..9usize, other in "[\\[\\]{}\",:0-9a-z<>/ ]{0,6}") {
        let json = include_str!("support/every-step.json");
        let at = at.index(json.len());
        let end = (at + length).min(json.len());
        parsers::retarget_json(format!("{}{other}{}", &json[..at], &json[end..]).as_bytes());
    }

    #[test]
    fn typed_values(flags in any::<u32>(), few in any::<bool>(), lines in prop::collection::vec(line(), 0..8)) {
        let flags = if few { flags & 0x001f } else { flags };
        parsers::typed_values(&[&flags.to_le_bytes()[..], lines.concat().as_bytes()].concat());
    }
}
