//! Passwords of a definition, a retargeting or a URI stay out of every error and every form for people.

use libvirt_migrate::MigrateParams;
use libvirt_migrate::domain_xml::{DomainIdentity, Retarget, diff_xml};
use libvirt_migrate::params::{Definition, Param, Value};

/// In every place where a definition can hold a secret.
const XML: &str = "<domain type='kvm' id='1'>
  <name>vm</name>
  <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>
  <devices>
    <disk type='network' device='disk'>
      <source protocol='https' name='u/i' query='token=hunter2&amp;x=1'>
        <host name='h' port='443'/>
        <cookies><cookie name='session'>hunter2</cookie></cookies>
      </source>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file'><source file='https://u:hunter2@h/i'/><target dev='vdb'/></disk>
    <interface type='bridge'><mac address='fa:16:3e:00:00:0a'/><source bridge='b'/></interface>
    <graphics type='vnc' port='5900' listen='192.0.2.1' passwd='hunter2' passwdValidTo='2030-01-01T00:00:00'/>
    <graphics type='spice' passwd=\"hunter2\"><listen type='address' address='192.0.2.1'/></graphics>
  </devices>
  <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
    <qemu:arg value='secret,id=s0,data=hunter2'/>
    <qemu:env name='API_TOKEN' value='hunter2'/>
  </qemu:commandline>
</domain>";

const JSON: &str = r#"{
  "graphics": {"vnc": "198.51.100.7", "spice": "::1"},
  "disks": [{"match": {"target": "vdb"}, "xml": "<disk type='network'><source protocol='https'><cookies><cookie name='s'>hunter2</cookie></cookies></source><auth username='u' passwd='hunter2'/></disk>"}],
  "interfaces": [{"mac": "fa:16:3e:00:00:0a", "xml": "<interface type='bridge'><mac address='fa:16:3e:00:00:0a'/><x passwd='hunter2'/></interface>"}]
}"#;

fn shows_nothing(text: &str, of: &str) {
    assert!(!text.contains("hunter2"), "{text}\nof {of}");
}

/// The document with one thing wrong, for every place: a character gone, doubled or another, and cut off there.
fn broken<'a>(text: &'a str, instead: &'a str) -> impl Iterator<Item = String> + 'a {
    text.char_indices().flat_map(move |(at, character)| {
        let (before, after) = (&text[..at], &text[at + character.len_utf8()..]);
        let others = instead.chars().map(move |other| format!("{before}{other}{after}"));
        others.chain([
            before.to_owned(),
            format!("{before}{after}"),
            format!("{before}{character}{character}{after}"),
        ])
    })
}

#[test]
fn definitions_that_are_wrong_anywhere() {
    let retarget = Retarget::from_json(include_str!("support/every-step.json")).unwrap();
    let mut refused = 0;
    for xml in broken(XML, "<>&'") {
        let errors = [
            DomainIdentity::parse(&xml).map(drop).map_err(|error| format!("{error} {error:?}")),
            Definition::new(&*xml, None).map(drop).map_err(|error| format!("{error} {error:?}")),
            Definition::new(XML, Some(xml.as_str().into())).map(drop).map_err(|error| error.to_string()),
            retarget.apply(&xml).map(drop).map_err(|error| format!("{error} {error:?}")),
        ];
        for error in errors.iter().filter_map(|result| result.as_ref().err()) {
            refused += 1;
            shows_nothing(error, &xml);
        }
    }
    assert!(refused > 10_000, "{refused}");
}

#[test]
fn changes_of_secrets_and_of_what_is_around_them() {
    let lines: Vec<_> = XML.split_inclusive('\n').collect();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().concat();
    let secrets: Vec<_> = XML.match_indices("hunter2").map(|(at, _)| at).collect();
    let other = |at: usize| format!("{}the-hunter2-s{}", &XML[..at], &XML[at + 7..]);
    let changed = (1..lines.len()).map(without).chain(secrets.iter().copied().map(other));
    let (mut compared, mut shown) = (0, 0);
    for xml in changed {
        for (before, after) in [(XML, &*xml), (&*xml, XML)] {
            for change in diff_xml(before, after).into_iter().flatten() {
                compared += 1;
                let text = format!("{change} {change:?}");
                shown += usize::from(text.contains("***"));
                shows_nothing(&text, &xml);
            }
        }
    }
    assert!(compared > 30 && shown > 2 * secrets.len(), "{compared} {shown}");
}

#[test]
fn retargetings_that_are_wrong_anywhere() {
    let mut refused = 0;
    for json in broken(JSON, "\"{],'<>") {
        match Retarget::from_json(&json) {
            Err(error) => {
                refused += 1;
                shows_nothing(&format!("{error} {error:?}"), &json);
            }
            Ok(retarget) => {
                shows_nothing(&format!("{retarget} {retarget:?}"), &json);
                if let Err(error) = retarget.apply(XML) {
                    shows_nothing(&format!("{error} {error:?}"), &json);
                }
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn secrets_in_the_place_of_something_else() {
    let secret = "<disk type='network'><auth passwd='hunter2'/></disk>";
    for json in [
        "SECRET",
        r#"{"disks": SECRET}"#,
        r#"{"disks": [SECRET]}"#,
        r#"{"disks": [{"match": SECRET, "xml": "<disk/>"}]}"#,
        r#"{"disks": [{"match": {"target": "vda"}, "xml": [SECRET]}]}"#,
        r#"{"graphics": SECRET}"#,
        r#"{"serial": {"ports": SECRET}}"#,
        r#"{"serial": {"ports": [SECRET]}}"#,
        r#"{"interfaces": [{"mac": SECRET}]}"#,
        r#"{"cpu_shares": SECRET}"#,
        r#"{"vcpu_cpuset": SECRET}"#,
        r#"{"numa": {"vcpu_pins": {"0": SECRET}}}"#,
        r#"{"numa": {"vcpu_pins": {SECRET: "0"}}}"#,
        r#"{"mdevs": {SECRET: "0"}}"#,
        r#"{SECRET: 1}"#,
    ] {
        let json = json.replace("SECRET", &format!("{secret:?}"));
        let error = Retarget::from_json(&json).expect_err(&json);
        shows_nothing(&format!("{error} {error:?}"), &json);
    }
}

#[test]
fn parts_of_a_retargeting() {
    let retarget = Retarget::from_json(JSON).unwrap();
    shows_nothing(&format!("{:?} {:?}", retarget.disks, retarget.interfaces), JSON);
}

#[test]
fn parameters() {
    let uri = |scheme: &str| format!("{scheme}://root:hunter2@h/system?x=hunter2");
    let definition = Definition::new(XML, None).unwrap();
    let values = [Param::MigrateUri, Param::GraphicsUri, Param::DisksUri]
        .map(|param| (param, Value::String(uri("tcp"))));
    let params = MigrateParams::new(Some(definition), values, Some(uri("qemu+ssh")), None).unwrap();
    let shown = format!("{params:?} {:?}", params.get(Param::MigrateUri));
    shows_nothing(&shown, "the parameters");
    assert!(shown.contains("qemu+ssh://h/system"), "{shown}");
    for uri in broken("qemu+ssh://root:hunter2@h/system", "/@:?#<") {
        for result in [
            MigrateParams::new(None, [], Some(uri.clone()), None),
            MigrateParams::new(None, [(Param::MigrateUri, Value::String(uri.clone()))], None, None),
            MigrateParams::new(None, [(Param::MigrateDisks, Value::String(uri.clone()))], None, None),
        ] {
            match result {
                Ok(params) => shows_nothing(&format!("{params:?}"), &uri),
                Err(error) => shows_nothing(&format!("{error} {error:?}"), &uri),
            }
        }
    }
}
